import { setTimeout as sleep } from 'node:timers/promises'
import type { Fleet } from './fleet.ts'
import type { WorkerProcess } from './worker-process.ts'

/**
 * A loaded process that serves nobody, kept to replace one that ends. It runs no app's code, so no app can
 * break it. A spare process that ends or hangs is replaced.
 */
export class SpareProcess {
  #fleet: Pick<Fleet, 'spawn' | 'isStopping' | 'config' | 'print'>
  #process: WorkerProcess | undefined
  #pause = 100

  constructor(fleet: Pick<Fleet, 'spawn' | 'isStopping' | 'config' | 'print'>) {
    this.#fleet = fleet
  }

  /** True if the spare process is loaded, its pool is full, and it answers. */
  get isReady(): boolean {
    return this.#process?.isPrepared === true
  }

  /** Starts the host's spare process unless there is one. */
  fill(): void {
    if (!this.#fleet.isStopping) this.#process ??= this.#start()
  }

  /**
   * Returns the spare process, or a new process if the spare one has ended. {@link fill} starts the next
   * spare.
   */
  take(): WorkerProcess {
    const process = this.#process?.isAlive === true ? this.#process : this.#fleet.spawn()
    this.#process = undefined
    return process
  }

  async stop(seconds: number): Promise<void> {
    await this.#process?.stop(seconds)
  }

  #start(): WorkerProcess {
    const process = this.#fleet.spawn()
    process.onMessage(({ type }) => {
      if (type !== 'prepared') return
      this.#pause = 100
      process.killWhenStalled(this.#fleet.config.stallSeconds, () =>
        this.#fleet.print('The process that waits to replace another answers nobody; it is killed.'),
      )
    })
    void process.ended.then(() => this.#ended(process))
    return process
  }

  // Only the current spare process is replaced when it ends; the spare that was handed out no longer counts
  // as one.
  async #ended(process: WorkerProcess): Promise<void> {
    if (this.#process !== process) return
    await sleep(this.#pause, undefined, { ref: false })
    this.#pause = Math.min(this.#pause * 2, 5000)
    if (this.#process !== process) return
    this.#process = undefined
    this.fill()
  }
}
