import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AppRecord } from '../app-record.ts'
import { errorText } from '../error-text.ts'
import { RememberedApps } from './remembered-apps.ts'
import { type Inspected, inspectLine, withoutClocks } from './inspect.ts'
import { MemoryCgroups } from './memory-cgroups.ts'
import { MemoryWall, wallMb } from './memory-wall.ts'
import { needsOneProcess } from './one-process.ts'
import type { ApartPlaces } from '../messages.ts'
import type { WorkerProcess } from './worker-process.ts'
import { emptyState, type Fleet, type ProcessState } from './fleet.ts'
import { ALL_DUTIES } from './shared-processes.ts'

/** State of an app that has a process of its own. */
interface OwnProcess {
  socket: string
  /** The app's process; undefined before its first start, and between its end and the next start. */
  process: WorkerProcess | undefined
  state: ProcessState
  /** True if requests wait for the process's first start instead of being refused. */
  isAwaited: boolean
  /** Resolves when the app's own process first serves, or fails to; undefined before it is started. */
  first: Promise<void> | undefined
}

/**
 * Manages apps that have a process of their own: after they disturbed others, for their Durable Objects, or
 * for a debugger. Shared processes forward these apps' requests to a socket.
 */
export class OwnProcesses {
  restarts = 0
  #fleet: Fleet
  #inspected: Inspected
  #own = new Map<string, OwnProcess>()
  /** Apps that made V8 end a process, kept by name since a new version may do it again. */
  #remembered: RememberedApps
  #cgroups: MemoryCgroups | undefined

  constructor(fleet: Fleet, inspected: Inspected) {
    this.#fleet = fleet
    this.#inspected = inspected
    this.#remembered = new RememberedApps(fleet.config.dataDir)
  }

  /** Reads which apps need a process of their own. Must run before any process is started. */
  open(): Promise<void> {
    if (this.#fleet.config.guard.cgroup) this.#cgroups = MemoryCgroups.find()
    return this.#remembered.open()
  }

  /** Stores that the app gets a process of its own at every later start of the host. */
  remember(app: string): Promise<void> {
    return this.#remembered.add(app)
  }

  has(app: string): boolean {
    return this.#own.has(app)
  }

  get size(): number {
    return this.#own.size
  }

  get names(): string[] {
    return [...this.#own.keys()]
  }

  get states(): ProcessState[] {
    return [...this.#own.values()].map(({ state }) => state)
  }

  /** Processes of apps with a process of their own that are running now. */
  get serving(): WorkerProcess[] {
    return [...this.#own.values()].flatMap(({ process }) => (process === undefined ? [] : [process]))
  }

  /** Socket paths of apps with a process of their own, by app; empty for an app whose requests wait. */
  get places(): ApartPlaces {
    return Object.fromEntries(
      [...this.#own].map(([app, { socket, isAwaited }]) => [app, isAwaited ? '' : socket]),
    )
  }

  processOf(app: string): WorkerProcess | undefined {
    return this.#own.get(app)?.process
  }

  /** True if an app has a process of its own from its start. */
  isNeeded({ name, dir }: AppRecord): boolean {
    return this.#inspected.has(name) || this.#remembered.has(name) || needsOneProcess(dir)
  }

  /** True if the app's process accepts a debugger. */
  isInspected(app: string): boolean {
    return this.#inspected.has(app)
  }

  /** Returns the record that an app's own process gets: without time limits under a debugger. */
  recordFor(record: AppRecord): AppRecord {
    return this.#inspected.has(record.name) ? withoutClocks(record) : record
  }

  /**
   * Keeps a place for the app's process, which {@link start} starts. Requests wait until that process has
   * started, or has failed to.
   */
  add(app: string, socket: string): void {
    this.#own.set(app, { socket, process: undefined, state: emptyState(), isAwaited: true, first: undefined })
  }

  /**
   * Lets the shared processes serve an app again that had a process of its own. The caller stops that
   * process.
   */
  release(app: string): void {
    this.#own.delete(app)
  }

  /** Keeps the app's process running; resolves when it first serves, or fails to. */
  async start(app: string): Promise<void> {
    const own = this.#own.get(app)
    if (own === undefined) return
    own.first ??= new Promise<void>((resolve) => {
      void this.#run(app, resolve)
    })
    await own.first
    own.isAwaited = false
  }

  async #run(app: string, onFirst: () => void): Promise<void> {
    const own = this.#own.get(app)
    if (own === undefined) return onFirst()
    for (
      let pause = 100;
      !this.#fleet.isStopping && this.#own.get(app) === own;
      pause = Math.min(pause * 2, 5000)
    ) {
      const record = this.#fleet.app(app)
      if (record === undefined) return onFirst()
      const process = this.#fleet.spawn(app)
      own.process = process
      const began = performance.now()
      await rm(own.socket, { force: true })
      await this.#serve(process, own, record).catch((error: unknown) => this.#fleet.print(errorText(error)))
      onFirst()
      await process.ended
      this.#fleet.forget(process)
      if (this.#fleet.isStopping || this.#own.get(app) !== own) return
      this.restarts++
      // The pause before a restart of an app's own process grows to at most five seconds, and is short again
      // after a run of a minute.
      if (performance.now() - began > 60_000) pause = 100
      own.process = undefined
      await sleep(pause)
    }
  }

  async #serve(process: WorkerProcess, { socket, state }: OwnProcess, record: AppRecord): Promise<void> {
    await process.serve(
      () => ({
        type: 'serve',
        settings: {
          ...this.#fleet.settings,
          socket,
          pool: 1,
          leaseUntil: this.#fleet.leaseUntil(record.name),
        },
        // A newer version of the app may have been deployed while its own process started: serve the newest
        // one.
        apps: [this.recordFor(this.#fleet.app(record.name) ?? record)],
        apart: {},
        duties: ALL_DUTIES,
      }),
      (message) => this.#fleet.receive(process, state, message),
    )
    this.#watch(record.name, process)
  }

  #watch(app: string, process: WorkerProcess): void {
    const inspectPort = this.#inspected.get(app)
    // A process paused at a breakpoint reports nothing, so the process is not watched for stalls.
    if (inspectPort !== undefined)
      return this.#fleet.print(inspectLine(app, inspectPort, process.debuggerUrl))
    this.#holdMemory(app, process)
    // A statement that blocks the app's own process for long exceeds the app's CPU limit, and only killing
    // the process stops it.
    const { stallSeconds } = this.#fleet.config
    const cpuMs = this.#fleet.app(app)?.limits.cpuMs ?? 0
    process.killWhenStalled(Math.max(stallSeconds, (2 * cpuMs) / 1000), () => {
      this.#fleet.hit(app, 'cpuMs')
      this.#fleet.print(
        `The process of "${app}" answers nobody, for longer than its limit of cpuMs, ${cpuMs} ms, and ` +
          `stallTimeout, ${stallSeconds} s; it is killed.`,
      )
    })
  }

  #holdMemory(app: string, process: WorkerProcess): void {
    const { pid } = process
    const limits = this.#fleet.app(app)?.limits
    if (pid === undefined || limits === undefined) return
    const megabytes = wallMb(limits.memoryMb)
    const wall = new MemoryWall({ pid, megabytes, cgroups: this.#cgroups, onExceeded: () => process.kill() })
    void process.ended.then(() => {
      if (!wall.close()) return
      this.#fleet.hit(app, 'memoryMb')
      this.#fleet.print(
        `The process of "${app}" held more than ${megabytes} MB, where its limit of memoryMb is ` +
          `${limits.memoryMb} MB, and was ended. To let it have more, raise limits.memoryMb.`,
      )
    })
  }
}
