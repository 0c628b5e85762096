import { setTimeout as sleep } from 'node:timers/promises'
import { errorText } from '../error-text.ts'
import type { BackgroundDuties, ToWorker } from '../messages.ts'
import type { WorkerEnd, WorkerProcess } from './worker-process.ts'
import { type Assignment, emptyState, type Fleet, type ProcessState } from './fleet.ts'

const NO_DUTIES: BackgroundDuties = { queues: false, crons: false }
export const ALL_DUTIES: BackgroundDuties = { queues: true, crons: true }

/** What {@link SharedProcesses} needs of the supervisor. */
export interface SharedFleet extends Fleet {
  /** Every app, and the sockets of those that have a process of their own. */
  readonly assignment: Assignment
  /** One has ended, and these apps may have ended it. */
  sharedEnded(end: Pick<WorkerEnd, 'blamed' | 'isFatal'>): void
}

/** The processes that apps share. One of them, the leader, has the duties of queues and crons. */
export class SharedProcesses {
  restarts = 0
  /** What the runtime says of itself; empty before the first process is loaded. */
  runtime = ''
  #fleet: SharedFleet
  #states = new Map<WorkerProcess, ProcessState>()
  /** Processes that are to take the place of others and are not ready yet. */
  #pending = new Set<WorkerProcess>()
  #leader: WorkerProcess | undefined

  constructor(fleet: SharedFleet) {
    this.#fleet = fleet
  }

  /** The processes that serve. */
  get serving(): WorkerProcess[] {
    return [...this.#states.keys()]
  }

  /** The processes that serve or are about to. */
  get all(): WorkerProcess[] {
    return [...this.#states.keys(), ...this.#pending]
  }

  get states(): ProcessState[] {
    return [...this.#states.values()]
  }

  send(message: ToWorker): void {
    for (const process of this.#states.keys()) process.send(message)
  }

  /** Makes a process serve; returns its port. */
  async start(process: WorkerProcess): Promise<number> {
    this.runtime = await process.ready
    const state = emptyState()
    this.#leader ??= process
    const serving = process.serve(
      () => ({ type: 'serve', ...this.#fleet.assignment, duties: this.#dutiesOf(process) }),
      (message) => this.#fleet.receive(process, state, message),
    )
    this.#states.set(process, state)
    void process.ended.then((end) => this.#ended(process, end))
    const port = await serving
    process.killWhenStalled(this.#fleet.config.stallSeconds, () =>
      this.#fleet.print('A process of the host is held up and answers nobody; it is killed.'),
    )
    return port
  }

  /**
   * Starts one in the place of one that has ended, again and again until one is ready: the host would have
   * one less for good.
   */
  async startAnother(first: WorkerProcess): Promise<void> {
    let process = first
    for (let pause = 100; !this.#fleet.isStopping; pause = Math.min(pause * 2, 5000)) {
      this.#pending.add(process)
      const isReady = await process.ready.then(
        () => true,
        (error: unknown) => this.#fleet.print(`It did not start: ${errorText(error)}`),
      )
      this.#pending.delete(process)
      if (isReady === true) {
        // From here on its end is noticed as any other's is.
        await this.start(process).catch((error: unknown) => this.#fleet.print(errorText(error)))
        return
      }
      await sleep(pause)
      if (!this.#fleet.isStopping) process = this.#fleet.spawn()
    }
  }

  #dutiesOf(process: WorkerProcess): BackgroundDuties {
    return process === this.#leader ? ALL_DUTIES : NO_DUTIES
  }

  #ended(process: WorkerProcess, { code, blamed, isFatal }: WorkerEnd): void {
    this.#states.delete(process)
    this.#fleet.forget(process)
    if (this.#fleet.isStopping) return
    this.restarts++
    const how = code === null ? 'by a signal' : `code ${code}`
    const during = blamed.length === 0 ? '' : `, while it ran ${blamed.join(', ')}`
    this.#fleet.print(`A process of the host ended (${how})${during}; another takes its place.`)
    if (this.#leader === process) {
      this.#leader = this.serving[0]
      this.#leader?.send({ type: 'duties', duties: this.#dutiesOf(this.#leader) })
    }
    this.#fleet.sharedEnded({ blamed, isFatal })
  }
}
