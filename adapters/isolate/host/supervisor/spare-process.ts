import { setTimeout as sleep } from 'node:timers/promises'
import { errorFromJSON, UnmoorError } from '../../../../core/errors.ts'
import type { AppRecord } from '../app-record.ts'
import type { ToSupervisor } from '../messages.ts'
import type { WorkerProcess } from './worker-process.ts'

/** Milliseconds that an app has to start in a trial. */
const PROBE_MS = 60_000

/**
 * A loaded process that serves nobody. It takes the place of one that ends, and new versions are tried in it.
 */
export class SpareProcess {
  #spawn: () => WorkerProcess
  #process: WorkerProcess | undefined
  #probes = new Map<number, { resolve(): void; reject(error: unknown): void }>()
  #nextProbe = 1
  #stopped = false

  constructor(spawn: () => WorkerProcess) {
    this.#spawn = spawn
  }

  /** Whether it is loaded and its pool is full. */
  get isReady(): boolean {
    return this.#process?.isPrepared === true
  }

  /** Starts the process unless there is one. */
  fill(): void {
    if (!this.#stopped) this.#process ??= this.#start()
  }

  /** Hands the process out, or a new one where it has ended. The next comes with {@link fill}. */
  take(): WorkerProcess {
    const process = this.#process?.isAlive === true ? this.#process : this.#start()
    this.#process = undefined
    return process
  }

  async stop(seconds: number): Promise<void> {
    this.#stopped = true
    await this.#process?.stop(seconds)
  }

  #start(): WorkerProcess {
    const process = this.#spawn()
    process.onMessage((message) => this.receive(message))
    return process
  }

  /**
   * Starts a version in the process, which serves nobody: what the version breaks there harms no other app.
   *
   * @throws what keeps it from starting.
   */
  async probe(app: AppRecord): Promise<void> {
    const process = (this.#process ??= this.#start())
    const id = this.#nextProbe++
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#probes.set(id, { resolve, reject })
    const ended = process.ended.then(() => {
      if (this.#process === process) this.#process = undefined
      throw new UnmoorError('Unavailable', 'the process that tried to start it ended', { operation: 'start' })
    })
    ended.catch(() => {})
    const late = sleep(PROBE_MS, undefined, { ref: false }).then(() => {
      throw new UnmoorError('Timeout', `it did not start within ${PROBE_MS / 1000} s`, { operation: 'start' })
    })
    late.catch(() => {})
    process.send({ type: 'probe', id, app })
    try {
      await Promise.race([promise, ended, late])
    } finally {
      this.#probes.delete(id)
      this.fill()
    }
  }

  /**
   * Takes the outcome of a trial; the process may have begun to serve meanwhile. Ignores every other message.
   */
  receive(message: ToSupervisor): void {
    if (message.type !== 'probed') return
    const probe = this.#probes.get(message.id)
    if (message.error === undefined) probe?.resolve()
    else probe?.reject(errorFromJSON(message.error))
  }
}
