import { Answers } from './answers.ts'
import type { AppRecord, AppSettings } from '../app-record.ts'
import { errorText } from '../error-text.ts'
import { checkPort } from './check-port.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import type { ApartPlaces, ToSupervisor } from '../messages.ts'
import { needsOneProcess } from './one-process.ts'
import type { NotOwned, Owners } from './owners.ts'
import { Router } from '../router.ts'
import { Blame, BLAMED, FATAL, NOISY, UNKNOWN_MEMORY } from './blame.ts'
import type { Assignment, ProcessState } from './fleet.ts'
import { Launcher, type LauncherOptions } from './launcher.ts'
import { OwnProcesses } from './own-processes.ts'
import type { PortCertificates } from './port-certificates.ts'
import { type SharedFleet, SharedProcesses } from './shared-processes.ts'
import { SocketRelay } from './socket-relay.ts'
import { SpareProcess } from './spare-process.ts'
import { MigrateFirst } from './migrate-first.ts'
import { Trials } from './trials.ts'
import { emptyUsage, type Usage } from '../usage.ts'
import type { WorkerEnd, WorkerProcess } from './worker-process.ts'

/** Options of {@link Supervisor}, which manages a host's processes. */
export interface SupervisorOptions extends LauncherOptions {
  /** Decides which Durable Objects this host may run. Default: all, as there is no other host. */
  owners?: Owners | undefined
  /** TLS certificates of the host's port. Default: plain HTTP. */
  certificates?: PortCertificates | undefined
  onUsage(app: string, usage: Usage): void
}

/** Noisy apps get processes of their own only while fewer than this exist: each process takes some 60 MB. */
const MAX_QUIETENED = 32

/**
 * Manages a host's processes: starts and restarts them, and sends them the apps to serve. One spare process
 * is kept loaded to replace one that ends.
 */
export class Supervisor {
  #options: SupervisorOptions
  #apps = new Map<string, AppRecord>()
  #launcher: Launcher
  #shared: SharedProcesses
  #own: OwnProcesses
  #spare: SpareProcess
  #trials: Trials
  #migrations: MigrateFirst
  #blame = new Blame()
  #answers = new Answers<WorkerProcess>()
  #relay = new SocketRelay()
  #stopping = false
  /** Apps whose Durable Objects another host owns, or whose owner cannot be determined. */
  #elsewhere = new Map<string, NotOwned>()

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#launcher = new Launcher(options)
    const fleet = this.#createFleet()
    this.#shared = new SharedProcesses(fleet)
    this.#own = new OwnProcesses(fleet, options.inspected)
    this.#spare = new SpareProcess(fleet)
    this.#trials = new Trials({
      spawn: () => this.#launcher.spawn([], undefined, 1),
      onLate: (app) => fleet.hit(app, 'migrationMs'),
    })
    this.#migrations = new MigrateFirst({
      dataDir: options.config.dataDir,
      trial: (app) => this.#trials.run(app),
      serve: (app) => this.#put([app], []),
      print: (line) => options.onOutput(line),
    })
    this.add(options.config.apps)
  }

  #createFleet(): SharedFleet {
    const isStopping = (): boolean => this.#stopping
    const launcher = this.#launcher
    const assignment = (): Assignment => this.#assignment
    return {
      config: this.#options.config,
      get isStopping() {
        return isStopping()
      },
      get settings() {
        return launcher.settings
      },
      get assignment() {
        return assignment()
      },
      leaseUntil: (app) => this.#options.owners?.until(app),
      app: (name) => this.#apps.get(name),
      spawn: (app) => this.#spawn(app),
      receive: (process, state, message) => this.#receive(process, state, message),
      forget: (process) => {
        this.#answers.forget(process)
        this.#relay.forget(process)
      },
      hit: (app, limit) => this.#options.onUsage(app, { ...emptyUsage(), limits: { [limit]: 1 } }),
      print: (line) => this.#options.onOutput(line),
      sharedEnded: (end) => void this.#replace(end),
    }
  }

  get port(): number {
    return this.#launcher.port
  }

  get pids(): number[] {
    return this.#serving.flatMap(({ pid }) => (pid === undefined ? [] : [pid]))
  }

  get sharedPids(): number[] {
    return this.#shared.serving.flatMap(({ pid }) => (pid === undefined ? [] : [pid]))
  }

  get #serving(): WorkerProcess[] {
    return [...this.#shared.serving, ...this.#own.serving]
  }

  /**
   * Names of apps with a process of their own: after ending others' processes, for their Durable Objects, or
   * for a debugger.
   */
  get alone(): string[] {
    return this.#own.names
  }

  get states(): ProcessState[] {
    return [...this.#shared.states, ...this.#own.states]
  }

  get apps(): AppRecord[] {
    return [...this.#apps.values()]
  }

  /** Number of the host's processes that were restarted after they ended. */
  get restarts(): number {
    return this.#shared.restarts + this.#own.restarts
  }

  /** Versions of isolated-vm, Node and V8, as a child process reports them. */
  get runtime(): string {
    return this.#shared.runtime
  }

  /** True if the host has a loaded spare process that waits to replace one that ends. */
  get spareIsReady(): boolean {
    return this.#spare.isReady
  }

  /** Adds the host's apps before the start. */
  add(apps: readonly AppRecord[]): void {
    for (const app of apps) this.#apps.set(app.name, app)
  }

  /** Checks an app's routes against those of all other apps. @throws `AlreadyExists` if one is taken. */
  checkRoutes(name: string, settings: AppSettings): void {
    void new Router([...this.apps.filter((app) => app.name !== name), { name, settings }])
  }

  async start(): Promise<void> {
    // The router throws for two apps with the same route; check before any process starts.
    void new Router(this.#apps.values())
    const { port, host, sharePort, processes } = this.#options.config
    if (port !== 0 && !sharePort)
      await checkPort(
        port,
        host,
        'Name another with --port; to take over from a host that stops, use --share-port.',
      )
    await this.#launcher.open()
    await this.#own.open()
    this.#apps = new Map((await this.#migrations.atStart(this.apps)).map((app) => [app.name, app]))
    this.#followOwners()
    for (const app of this.apps.filter((app) => this.#own.isNeeded(app)))
      if (await this.#mayRun(app)) this.#setApart(app.name)
    // The first process finds a free port if the configured one is 0, and the others then share it.
    this.#launcher.port = await this.#shared.start(this.#spawn())
    this.#options.owners?.renew()
    await Promise.all(Array.from({ length: processes - 1 }, () => this.#shared.start(this.#spawn())))
    await Promise.all(this.#own.names.map((app) => this.#startApart(app)))
    this.#spare.fill()
    this.#options.certificates?.follow((tls) => {
      this.#shared.send({ type: 'tls', tls })
      this.#options.certificates?.warnUncovered(this.apps)
    })
    this.#options.certificates?.warnUncovered(this.apps)
  }

  #followOwners(): void {
    this.#options.owners?.follow({
      gained: (app) => void this.#gain(app),
      renewed: (app, until) => this.#own.processOf(app)?.send({ type: 'lease', until }),
      elsewhere: (app, where) => this.#lose(app, where),
      print: (line) => this.#options.onOutput(line),
    })
  }

  /**
   * Claims an app's Durable Objects if it has any. Resolves to true if the app's own process may run on this
   * host; else notes where the objects are.
   */
  async #mayRun({ name, dir }: AppRecord): Promise<boolean> {
    const { owners } = this.#options
    const claim = owners === undefined || !needsOneProcess(dir) ? undefined : await owners.claim(name)
    const mayRun = claim === undefined || 'until' in claim
    if (mayRun) this.#elsewhere.delete(name)
    else this.#elsewhere.set(name, claim)
    return mayRun
  }

  /** Starts an app's process after this host has become the owner of the app's Durable Objects. */
  async #gain(app: string): Promise<void> {
    if (this.#stopping || !this.#apps.has(app) || this.#own.has(app)) return
    this.#options.onOutput(`This host owns the objects of "${app}" from now on.`)
    this.#elsewhere.delete(app)
    this.#setApart(app)
    await this.#startApart(app)
  }

  /** Kills the app's process at once, since another host may own its Durable Objects now. */
  #lose(app: string, where: NotOwned): void {
    this.#elsewhere.set(app, where)
    const process = this.#own.processOf(app)
    this.#own.release(app)
    process?.kill()
    this.#announceApart()
  }

  /** Makes this host own an app's Durable Objects. @throws `Conflict` while another host holds the lease. */
  async takeOver(app: string): Promise<void> {
    const record = this.#apps.get(app)
    const { owners } = this.#options
    if (record === undefined || owners === undefined || !needsOneProcess(record.dir))
      throw new UnmoorError('NotFound', `"${app}" has no objects that a host owns.`, { operation: 'deploy' })
    await owners.takeOver(app)
  }

  get #places(): ApartPlaces {
    // An empty location makes an app's requests wait until the app's own process serves on this host.
    const elsewhere = [...this.#elsewhere].map(([app, where]): [string, ApartPlaces[string]] => [
      app,
      'soon' in where ? '' : where,
    ])
    return { ...Object.fromEntries(elsewhere), ...this.#own.places }
  }

  #spawn(app?: string): WorkerProcess {
    // A few artifacts suffice to fill a process's pool: most apps have the same web API.
    const dirs = this.apps.slice(0, 4).map(({ dir }) => dir)
    return this.#launcher.spawn(dirs, app)
  }

  /**
   * Settings of a shared process. It knows the routes of apps with a process of their own and forwards their
   * requests, but does not run their queues and crons.
   */
  get #assignment(): Assignment {
    const apps = this.apps.map((app) =>
      this.#own.has(app.name) || this.#elsewhere.has(app.name) ? { ...app, background: false } : app,
    )
    const settings = { ...this.#launcher.settings, tls: this.#options.certificates?.material }
    return { settings, apps, apart: this.#places }
  }

  /** Replaces a shared process that has ended. Moves apps that are to blame to processes of their own. */
  async #replace({ blamed, isFatal }: Pick<WorkerEnd, 'blamed' | 'isFatal'>): Promise<void> {
    for (const app of blamed) this.#blame.note(app)
    // Code that made V8 end a process, or blocked its main thread, would do so again. If only one app can be
    // to blame, once is enough.
    const isCertain = isFatal && blamed.length === 1
    const next = this.#spare.take()
    const apart = blamed.filter((app) => (isCertain || this.#blame.isEnough(app)) && this.#isShared(app))
    for (const app of apart) this.#setApart(app, isCertain ? FATAL : BLAMED)
    for (const app of isFatal ? apart : [])
      this.#own.remember(app).catch((error: unknown) => this.#options.onOutput(errorText(error)))
    await this.#shared.startAnother(next)
    // Start apps' own processes only after the replacement of the ended process serves: their start would
    // take CPU time from it.
    for (const app of apart) void this.#startApart(app)
    this.#spare.fill()
  }

  #isShared(app: string): boolean {
    return this.#apps.has(app) && !this.#own.has(app)
  }

  #setApart(app: string, why?: string): void {
    if (why !== undefined) this.#options.onOutput(`"${app}" ${why}; from now on it has one of its own.`)
    this.#own.add(app, this.#launcher.newSocket())
    this.#announceApart()
  }

  /** Starts the process of an app that was set apart; requests that have waited for it go on. */
  async #startApart(app: string): Promise<void> {
    await this.#own.start(app)
    this.#announceApart()
  }

  #announceApart(): void {
    this.#shared.send({ type: 'apart', apart: this.#places })
  }

  /** Tries out an app's version in a process that serves nobody. @throws the reason why the version fails. */
  async probe(app: AppRecord): Promise<void> {
    await this.#trials.run(app)
    await this.#migrations.note(app)
  }

  #receive(process: WorkerProcess, state: ProcessState, message: ToSupervisor): void {
    if (message.type === 'sockets') this.#relay.receive(process, message)
    else if (message.type === 'usage') this.#takeUsage(state, message)
    else if (message.type === 'heldUp') this.#heldUp(message.app, message.milliseconds)
    else if (message.type === 'unknownMemory')
      for (const app of message.apps) this.#quieten(app, UNKNOWN_MEMORY)
    else if (message.type === 'failed')
      this.#options.onOutput(`A process of the host: ${message.error.message}`)
    const id = message.type === 'usage' || message.type === 'done' ? message.id : undefined
    if (id !== undefined) this.#answers.answered(id, process)
  }

  #takeUsage(state: ProcessState, { live, waiting, apps }: Extract<ToSupervisor, { type: 'usage' }>): void {
    state.live = live
    state.waiting = waiting
    state.memory = new Map(
      Object.entries(apps).flatMap(([app, { memory }]) => (memory > 0 ? [[app, memory]] : [])),
    )
    for (const [app, { usage }] of Object.entries(apps)) {
      this.#options.onUsage(app, usage)
      if (this.#blame.isNoisy(app, usage)) this.#quieten(app, NOISY)
    }
  }

  // An app that blocks a shared process harms others as one that ends it does, so both count against the app.
  #heldUp(app: string, milliseconds: number): void {
    this.#options.onOutput(
      `A statement of "${app}" has held its process up for ${Math.round(milliseconds)} ms.`,
    )
    if (!this.#isShared(app)) return
    this.#blame.note(app)
    if (!this.#blame.isEnough(app)) return
    this.#setApart(app, BLAMED)
    void this.#startApart(app)
  }

  /** Moves a noisy app to a process of its own, which has low priority. */
  #quieten(app: string, why: string): void {
    if (this.#stopping || !this.#isShared(app) || this.#own.size >= MAX_QUIETENED) return
    this.#setApart(app, why)
    void this.#startApart(app)
  }

  /** Makes every process report the usage of its apps up to now. */
  collectUsage(): Promise<void> {
    return this.#answers.ask(this.#serving, (process, id) => process.send({ type: 'usage', id }), 2000)
  }

  /**
   * Replaces versions of apps; resolves when every process serves the new ones.
   *
   * @throws `AlreadyExists` for a route that is taken.
   */
  async update(set: readonly AppRecord[], remove: readonly string[]): Promise<void> {
    void new Router([
      ...this.apps.filter(({ name }) => !remove.includes(name) && !set.some((app) => app.name === name)),
      ...set,
    ])
    for (const name of remove) await this.#migrations.forget(name)
    const ready = this.#migrations.whenMigrated(set, this.#apps)
    await this.#put(ready, remove)
  }

  async #put(set: readonly AppRecord[], remove: readonly string[]): Promise<void> {
    const next = new Map(this.#apps)
    for (const name of remove) next.delete(name)
    for (const record of set) next.set(record.name, record)
    void new Router(next.values())
    this.#apps = next
    this.#options.certificates?.warnUncovered(set)
    const changed = [...set.map(({ name }) => name), ...remove]
    // An app under a debugger keeps its own process, which loads the new version.
    const inspected = set.filter(({ name }) => this.#own.isInspected(name) && this.#own.has(name))
    const released = changed.filter(
      (name) => this.#own.has(name) && !inspected.some((app) => app.name === name),
    )
    for (const name of changed) this.#blame.forget(name)
    const ended = new Map(released.map((name) => [name, this.#own.processOf(name)]))
    for (const name of released) this.#own.release(name)
    for (const name of changed) this.#elsewhere.delete(name)
    for (const name of remove) this.#options.owners?.forget(name)
    const needed: AppRecord[] = []
    for (const app of set.filter((app) => this.#own.isNeeded(app) && !inspected.includes(app)))
      if (await this.#mayRun(app)) needed.push(app)
    for (const { name } of needed) this.#own.add(name, this.#launcher.newSocket())
    await this.#switch(set, remove, inspected)
    const stop = (name: string): Promise<void> | undefined =>
      ended.get(name)?.stop(this.#options.config.stopSeconds)
    await Promise.all([
      ...needed.map(async ({ name }) => {
        // An app's old process must end first: a Durable Object may exist only once, even across versions.
        await stop(name)
        await this.#startApart(name)
      }),
      ...released.filter((name) => !needed.some((app) => app.name === name)).map(stop),
    ])
  }

  /**
   * Sends new versions to the shared processes, and to each process with a debugger its own app's version. A
   * process paused at a breakpoint answers once it continues.
   */
  #switch(
    set: readonly AppRecord[],
    remove: readonly string[],
    inspected: readonly AppRecord[],
  ): Promise<void> {
    const apart = this.#places
    const shared = {
      apart,
      set: set.map((app) => (this.#own.isNeeded(app) ? { ...app, background: false } : app)),
      remove: [...remove],
    }
    const told = new Map(this.#shared.serving.map((process) => [process, shared]))
    for (const app of inspected) {
      const process = this.#own.processOf(app.name)
      if (process !== undefined) told.set(process, { apart: {}, set: [this.#own.recordFor(app)], remove: [] })
    }
    return this.#answers.ask(
      [...told.keys()],
      (process, id) => process.send({ type: 'apps', id, ...(told.get(process) ?? shared) }),
      10_000,
    )
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#migrations.stop()
    await this.#options.certificates?.stop()
    const { stopSeconds } = this.#options.config
    await Promise.all([
      ...this.#shared.all.map((process) => process.stop(stopSeconds)),
      this.#spare.stop(stopSeconds),
      this.#trials.stop(),
    ])
    // Apps' own processes stop last, as the shared processes still forward requests to them.
    await Promise.all(this.#own.serving.map((process) => process.stop(stopSeconds)))
    await this.#options.owners?.stop()
    await this.#launcher.close()
  }
}
