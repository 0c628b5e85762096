import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorFromJSON, UnmoorError } from '../../../core/errors.ts'
import { Answers } from './answers.ts'
import type { AppRecord, AppSettings } from './app-record.ts'
import type { BackgroundDuties } from './background.ts'
import type { ResolvedConfig } from './config.ts'
import { checkPort } from './check-port.ts'
import { errorText } from './error-text.ts'
import { type Inspected, inspectLine, withoutClocks } from './inspect.ts'
import type { ToSupervisor, WorkerSettings } from './messages.ts'
import { NoiseWatch } from './noise.ts'
import { prepareFolders } from './process-guard.ts'
import { needsOneProcess } from './one-process.ts'
import { Router } from './router.ts'
import type { Usage } from './usage.ts'
import { WorkerProcess } from './worker-process.ts'

/** Options of {@link Supervisor}. */
export interface SupervisorOptions {
  config: ResolvedConfig
  /** Path of the module isolated-vm. */
  isolatedVm: string
  /** Apps that a debugger is let in to, with its ports. */
  inspected: Inspected
  onOutput(line: string): void
  onUsage(app: string, usage: Usage): void
}

/** A process that an app has ended so often is the last that it shares. */
const KILLS = 2
const NO_DUTIES: BackgroundDuties = { queues: false, crons: false }
const ALL_DUTIES: BackgroundDuties = { queues: true, crons: true }
/** Processes of their own are given for noise only while there are fewer than this: each takes some 60 MB. */
const MAX_QUIETENED = 32
/** Milliseconds that an app has to start in a trial. */
const PROBE_MS = 60_000

/** What each process said last of itself. */
interface ProcessState {
  live: number
  waiting: number
  memory: Map<string, number>
}

/** The process of an app that has one of its own. */
interface Alone {
  socket: string
  /** Undefined until it is started for the first time. */
  process: WorkerProcess | undefined
  state: ProcessState
}

/** The processes of a host: started, started again, told what to serve. One more waits, loaded, to take the place of one that ends. */
export class Supervisor {
  #options: SupervisorOptions
  #runDir = ''
  #port: number
  #apps = new Map<string, AppRecord>()
  #shared = new Map<WorkerProcess, ProcessState>()
  #alone = new Map<string, Alone>()
  #spare: WorkerProcess | undefined
  /** Those that are to take the place of others, and are not ready yet. */
  #pending = new Set<WorkerProcess>()
  #probes = new Map<number, { resolve(): void; reject(error: unknown): void }>()
  #kills = new Map<string, number>()
  #noise = new NoiseWatch()
  #leader: WorkerProcess | undefined
  #stopping = false
  #nextProbe = 1
  #answers = new Answers<WorkerProcess>()
  restarts = 0
  runtime = ''

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#port = options.config.port
    for (const app of options.config.apps) this.#apps.set(app.name, app)
  }

  get port(): number {
    return this.#port
  }

  get pids(): number[] {
    return this.#processes.flatMap(({ pid }) => (pid === undefined ? [] : [pid]))
  }

  /** Those that serve. */
  get #processes(): WorkerProcess[] {
    return [...this.#shared.keys(), ...[...this.#alone.values()].flatMap(({ process }) => (process === undefined ? [] : [process]))]
  }

  /** Apps that have a process of their own: for having ended others, for their Durable Objects, or for a debugger. */
  get alone(): string[] {
    return [...this.#alone.keys()]
  }

  get states(): ProcessState[] {
    return [...this.#shared.values(), ...[...this.#alone.values()].map(({ state }) => state)]
  }

  get apps(): AppRecord[] {
    return [...this.#apps.values()]
  }

  /** More apps, before the start. */
  add(apps: readonly AppRecord[]): void {
    for (const app of apps) this.#apps.set(app.name, app)
  }

  /** @throws `AlreadyExists` where settings ask for a route of another app. */
  checkRoutes(name: string, settings: AppSettings): void {
    void new Router([...this.apps.filter((app) => app.name !== name), { name, settings }])
  }

  async start(): Promise<void> {
    // Two apps that ask for the same route: said before anything starts.
    void new Router(this.#apps.values())
    const { dataDir, port, host, sharePort } = this.#options.config
    if (port !== 0 && !sharePort) await checkPort(port, host, 'Name another with --port; to take over from a host that stops, use --share-port.')
    await mkdir(dataDir, { recursive: true })
    this.#runDir = await mkdtemp(join(tmpdir(), 'unmoor-host-'))
    await prepareFolders(this.#options.config.guard, dataDir, this.#runDir)
    const single = this.apps.filter((app) => this.#isSingle(app)).map(({ name }) => name)
    for (const app of single) this.#setApart(app)
    // The first finds the port where any will do.
    await this.#startShared(this.#spawn())
    await Promise.all(Array.from({ length: this.#options.config.processes - 1 }, () => this.#startShared(this.#spawn())))
    await Promise.all(single.map((app) => this.#servesApart(app)))
    this.#spare = this.#spawn()
  }

  /** Whether it has a process of its own from the start. */
  #isSingle({ name, dir }: AppRecord): boolean {
    return this.#options.inspected.has(name) || needsOneProcess(dir)
  }

  /** `app`: whose own it is to be. Default: one that apps share. */
  #spawn(app?: string): WorkerProcess {
    const inspectPort = app === undefined ? undefined : this.#options.inspected.get(app)
    const inspected = inspectPort === undefined ? undefined : app
    const process = new WorkerProcess({
      runDir: this.#runDir,
      dataDir: this.#options.config.dataDir,
      guard: this.#options.config.guard,
      isolatedVm: this.#options.isolatedVm,
      inspectPort,
      onOutput: (line) => this.#options.onOutput(line),
    })
    process.onMessage((message) => this.#onProbed(message))
    process.send({ type: 'prepare', settings: { ...this.#settings(), inspected }, dirs: this.#someDirs() })
    return process
  }

  /** Artifacts to fill a pool for: most have the same web API. */
  #someDirs(): string[] {
    const dirs: string[] = []
    for (const { dir } of this.#apps.values()) if (dirs.push(dir) === 4) break
    return dirs
  }

  /** Whether a loaded process waits to take the place of one that ends. */
  get spareIsReady(): boolean {
    return this.#spare?.isPrepared === true
  }

  #settings(): WorkerSettings {
    const { host, dataDir, maxIsolates, maxProcessMb, pool, stopSeconds, limits, drivers, cronStore, outbound, log } = this.#options.config
    return { host, port: this.#port, dataDir, maxIsolates, maxProcessMb, pool, poolMemoryMb: limits.memoryMb, stopSeconds, drivers, cronStore, outbound, log }
  }

  async #startShared(process: WorkerProcess): Promise<void> {
    this.runtime = await process.ready
    const state: ProcessState = { live: 0, waiting: 0, memory: new Map() }
    this.#leader ??= process
    const serving = process.serve(
      () => ({
        type: 'serve',
        settings: this.#settings(),
        // It knows the routes of those that live apart, and passes their requests on; their queues and crons are not its own.
        apps: this.apps.map((app) => (this.#alone.has(app.name) ? { ...app, background: false } : app)),
        apart: this.#apart(),
        duties: this.#dutiesOf(process),
      }),
      (message) => this.#receive(process, state, message),
    )
    this.#shared.set(process, state)
    void process.ended.then(({ code, blamed }) => this.#sharedEnded(process, code, blamed))
    this.#port = await serving
    process.killWhenStalled(this.#options.config.stallSeconds, () =>
      this.#options.onOutput('A process of the host is held up and answers nobody; it is killed.'),
    )
  }

  #dutiesOf(process: WorkerProcess): BackgroundDuties {
    return process === this.#leader ? ALL_DUTIES : NO_DUTIES
  }

  async #sharedEnded(process: WorkerProcess, code: number | null, blamed: readonly string[]): Promise<void> {
    this.#shared.delete(process)
    this.#answers.forget(process)
    if (this.#stopping) return
    this.restarts++
    this.#options.onOutput(
      `A process of the host ended (${code === null ? 'by a signal' : `code ${code}`})${blamed.length === 0 ? '' : `, while it ran ${blamed.join(', ')}`}; another takes its place.`,
    )
    if (this.#leader === process) {
      this.#leader = [...this.#shared.keys()][0]
      this.#leader?.send({ type: 'duties', duties: this.#dutiesOf(this.#leader) })
    }
    for (const app of blamed) this.#kills.set(app, (this.#kills.get(app) ?? 0) + 1)
    const spare = this.#spare?.isAlive === true ? this.#spare : this.#spawn()
    this.#spare = undefined
    const apart = blamed.filter((app) => (this.#kills.get(app) ?? 0) >= KILLS && this.#apps.has(app) && !this.#alone.has(app))
    for (const app of apart) this.#setApart(app, `has ended ${KILLS} processes, or held them up`)
    await this.#startAnother(spare)
    // Not before the neighbours answer again: processes that start take time from it.
    for (const app of apart) void this.#serveApart(app)
    if (!this.#stopping) this.#spare ??= this.#spawn()
  }

  /** Starts one in the place of one that has ended, and others where it ends before it is ready: the host would have one less for good. */
  async #startAnother(first: WorkerProcess): Promise<void> {
    let process = first
    for (let pause = 100; !this.#stopping; pause = Math.min(pause * 2, 5000)) {
      this.#pending.add(process)
      const isReady = await process.ready.then(
        () => true,
        (error: unknown) => this.#options.onOutput(`It did not start: ${errorText(error)}`),
      )
      this.#pending.delete(process)
      // Where it ends from here on that is noticed as of any other.
      if (isReady === true) return this.#startShared(process).catch((error: unknown) => this.#options.onOutput(errorText(error)))
      await sleep(pause)
      if (!this.#stopping) process = this.#spawn()
    }
  }

  #setApart(app: string, why?: string): void {
    if (why !== undefined) this.#options.onOutput(`"${app}" ${why}; from now on it has one of its own.`)
    this.#alone.set(app, { socket: join(this.#runDir, `${app}.sock`), process: undefined, state: { live: 0, waiting: 0, memory: new Map() } })
    this.#announceApart()
  }

  /** Resolves when the app's own process serves, or has failed to for the first time. */
  #servesApart(app: string): Promise<void> {
    return new Promise((resolve) => {
      void this.#serveApart(app, resolve)
    })
  }

  async #serveApart(app: string, onFirst?: () => void): Promise<void> {
    const one = this.#alone.get(app)
    if (one === undefined) return onFirst?.()
    for (let pause = 100; !this.#stopping && this.#alone.get(app) === one; pause = Math.min(pause * 2, 5000)) {
      const record = this.#apps.get(app)
      if (record === undefined) return onFirst?.()
      const process = this.#spawn(app)
      one.process = process
      const began = performance.now()
      await rm(one.socket, { force: true })
      await process
        .serve(
          () => ({
            type: 'serve',
            settings: { ...this.#settings(), socket: one.socket, pool: 1 },
            // While it was started there may have come another version.
            apps: [this.#recordApart(this.#apps.get(app) ?? record)],
            apart: {},
            duties: ALL_DUTIES,
          }),
          (given) => this.#receive(process, one.state, given),
        )
        .then(() => this.#watchApart(app, process))
        .catch((error: unknown) => this.#options.onOutput(errorText(error)))
      onFirst?.()
      await process.ended
      this.#answers.forget(process)
      if (this.#stopping || this.#alone.get(app) !== one) return
      this.restarts++
      // One that ends its process all the time gets it back ever later.
      if (performance.now() - began > 60_000) pause = 100
      one.process = undefined
      await sleep(pause)
    }
  }

  /** An app as its own process is to know it. */
  #recordApart(record: AppRecord): AppRecord {
    return this.#options.inspected.has(record.name) ? withoutClocks(record) : record
  }

  #watchApart(app: string, process: WorkerProcess): void {
    const inspectPort = this.#options.inspected.get(app)
    // It says nothing while it stands at a breakpoint.
    if (inspectPort !== undefined) this.#options.onOutput(inspectLine(app, inspectPort, process.debuggerUrl))
    else process.killWhenStalled(6 * this.#options.config.stallSeconds, () => this.#options.onOutput(`The process of "${app}" answers nobody; it is killed.`))
  }

  #apart(): Record<string, string> {
    return Object.fromEntries([...this.#alone].map(([app, { socket }]) => [app, socket]))
  }

  #announceApart(): void {
    for (const process of this.#shared.keys()) process.send({ type: 'apart', apart: this.#apart() })
  }

  /**
   * Starts a version in the process that waits, which serves nobody: what it breaks there is nobody's.
   *
   * @throws what keeps it from starting.
   */
  async probe(app: AppRecord): Promise<void> {
    const process = (this.#spare ??= this.#spawn())
    const id = this.#nextProbe++
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#probes.set(id, { resolve, reject })
    const ended = process.ended.then(() => {
      if (this.#spare === process) this.#spare = undefined
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
      if (!this.#stopping) this.#spare ??= this.#spawn()
    }
  }

  #onProbed(message: ToSupervisor): void {
    if (message.type !== 'probed') return
    const probe = this.#probes.get(message.id)
    if (message.error === undefined) probe?.resolve()
    else probe?.reject(errorFromJSON(message.error))
  }

  #receive(process: WorkerProcess, state: ProcessState, message: ToSupervisor): void {
    // One that was tried out in a process which has begun to serve meanwhile.
    this.#onProbed(message)
    if (message.type === 'usage') {
      state.live = message.live
      state.waiting = message.waiting
      state.memory = new Map(Object.entries(message.apps).flatMap(([app, { memory }]) => (memory > 0 ? [[app, memory]] : [])))
      for (const [app, { usage }] of Object.entries(message.apps)) {
        this.#options.onUsage(app, usage)
        if (this.#noise.isNoisy(app, usage)) this.#quieten(app)
      }
    } else if (message.type === 'heldUp') this.#heldUp(message.app, message.milliseconds)
    else if (message.type === 'failed') this.#options.onOutput(`A process of the host: ${message.error.message}`)
    const id = message.type === 'usage' || message.type === 'done' ? message.id : undefined
    if (id !== undefined) this.#answers.answered(id, process)
  }

  // As bad for the neighbours as a process that ends.
  #heldUp(app: string, milliseconds: number): void {
    this.#options.onOutput(`A statement of "${app}" has held its process up for ${Math.round(milliseconds)} ms.`)
    if (this.#alone.has(app) || !this.#apps.has(app)) return
    this.#kills.set(app, (this.#kills.get(app) ?? 0) + 1)
    if ((this.#kills.get(app) ?? 0) < KILLS) return
    this.#setApart(app, `has ended ${KILLS} processes, or held them up`)
    void this.#serveApart(app)
  }

  /** An app that runs into its limits all the time goes on in a process of its own, of low priority. */
  #quieten(app: string): void {
    if (this.#stopping || this.#alone.has(app) || !this.#apps.has(app) || this.#alone.size >= MAX_QUIETENED) return
    this.#setApart(app, 'hits its limits of CPU time or memory again and again')
    void this.#serveApart(app)
  }

  /** Has every process report what its apps have used until now. */
  collectUsage(): Promise<void> {
    return this.#answers.ask(this.#processes, (process, id) => process.send({ type: 'usage', id }), 2000)
  }

  /** Puts versions in place of others; resolves when every process serves them. @throws `AlreadyExists` for a route that is taken. */
  async update(set: readonly AppRecord[], remove: readonly string[]): Promise<void> {
    const next = new Map(this.#apps)
    for (const name of remove) next.delete(name)
    for (const record of set) next.set(record.name, record)
    void new Router(next.values())
    this.#apps = next
    const changed = [...set.map(({ name }) => name), ...remove]
    // A debugger stays with its process, which takes the new version.
    const inspected = set.filter(({ name }) => this.#options.inspected.has(name) && this.#alone.has(name))
    const released = changed.filter((name) => this.#alone.has(name) && !inspected.some((app) => app.name === name))
    // A new version starts with a clean record.
    for (const name of changed) {
      this.#kills.delete(name)
      this.#noise.forget(name)
    }
    const ended = released.map((name) => this.#alone.get(name)?.process)
    for (const name of released) this.#alone.delete(name)
    await this.#switch(set, remove, inspected)
    if (released.length > 0) this.#announceApart()
    for (const { name } of set.filter((app) => this.#isSingle(app) && !inspected.includes(app))) {
      this.#setApart(name)
      await this.#servesApart(name)
    }
    await Promise.all(ended.flatMap((process) => (process === undefined ? [] : [process.stop(this.#options.config.stopSeconds)])))
  }

  /**
   * Tells the shared processes of versions, and those that debuggers are in of their own: the processes of single apps serve no others. What stands at a breakpoint
   * answers when it goes on.
   */
  #switch(set: readonly AppRecord[], remove: readonly string[], inspected: readonly AppRecord[]): Promise<void> {
    const shared = { set: set.map((app) => (this.#isSingle(app) ? { ...app, background: false } : app)), remove: [...remove] }
    const told = new Map([...this.#shared.keys()].map((process) => [process, shared]))
    for (const app of inspected) {
      const process = this.#alone.get(app.name)?.process
      if (process !== undefined) told.set(process, { set: [this.#recordApart(app)], remove: [] })
    }
    return this.#answers.ask([...told.keys()], (process, id) => process.send({ type: 'apps', id, ...(told.get(process) ?? shared) }), 10_000)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    const processes = [...this.#processes, ...this.#pending, ...(this.#spare === undefined ? [] : [this.#spare])]
    await Promise.all(processes.map((process) => process.stop(this.#options.config.stopSeconds)))
    await rm(this.#runDir, { recursive: true, force: true })
  }
}
