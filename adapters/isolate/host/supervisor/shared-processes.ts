import { setTimeout as sleep } from 'node:timers/promises'
import { errorText } from '../error-text.ts'
import type { BackgroundDuties, ToWorker } from '../messages.ts'
import type { WorkerEnd, WorkerProcess } from './worker-process.ts'
import { type Assignment, emptyState, type Fleet, type ProcessState } from './fleet.ts'

const NO_DUTIES: BackgroundDuties = { queues: false, crons: false }
export const ALL_DUTIES: BackgroundDuties = { queues: true, crons: true }

/** The supervisor's functions that {@link SharedProcesses} uses. */
export interface SharedFleet extends Fleet {
  /**
   * Data that a shared process gets when it starts to serve: settings, all apps, and the sockets of apps with
   * a process of their own.
   */
  readonly assignment: Assignment
  /** Called when a shared process has ended; `blamed` are the apps that may have ended it. */
  sharedEnded(end: Pick<WorkerEnd, 'blamed' | 'isFatal'>): void
}

/** The processes that apps share. One of them, the leader, runs queues and crons. */
export class SharedProcesses {
  restarts = 0
  /**
   * Versions of isolated-vm, Node and V8, as a child process reports them; empty before the first process is
   * loaded.
   */
  runtime = ''
  #fleet: SharedFleet
  #states = new Map<WorkerProcess, ProcessState>()
  /** Processes that are to replace shared ones and are not ready yet. */
  #pending = new Set<WorkerProcess>()
  #leader: WorkerProcess | undefined

  constructor(fleet: SharedFleet) {
    this.#fleet = fleet
  }

  /** Shared processes of the host that serve apps. */
  get serving(): WorkerProcess[] {
    return [...this.#states.keys()]
  }

  /** Shared processes of the host that serve apps or are about to. */
  get all(): WorkerProcess[] {
    return [...this.#states.keys(), ...this.#pending]
  }

  get states(): ProcessState[] {
    return [...this.#states.values()]
  }

  send(message: ToWorker): void {
    for (const process of this.#states.keys()) process.send(message)
  }

  /** Makes a shared process serve apps; returns the port that it listens on. */
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
   * Starts a replacement for a shared process that has ended. Retries until one is ready, since the host
   * would otherwise have one process less for good.
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
        // From its start on, the end of the replacement process is handled like that of any other shared
        // process.
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
