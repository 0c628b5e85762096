import { UnmoorError } from '../../../../core/errors.ts'
import type { InlineOptions } from '../../engine/inline-entries.ts'
import type { InlineWatch } from '../../engine/inline-watch.ts'
import { InlinePolicy } from '../../engine/inline-policy.ts'
import type { AppRecord } from '../app-record.ts'
import { AppSockets } from './app-sockets.ts'
import { TenantSocketQuota } from './socket-quota.ts'
import type { SocketRelay } from './socket-relay.ts'
import type { OpenCronStore } from './background.ts'
import { errorText } from '../error-text.ts'
import type { BackgroundDuties } from '../messages.ts'
import { IsolateSlots } from './isolate-slots.ts'
import { Router, type Route } from '../router.ts'
import { Tenant, type TenantHost } from './tenant.ts'
import { isEmpty, type Usage } from '../usage.ts'
import { BackgroundWork } from './background-work.ts'
import { UnknownMemory, type UnknownMemoryReport } from './unknown-memory.ts'
import { UsageLedger } from './usage-ledger.ts'

/** Options of {@link Tenants}, all apps that a process serves. */
export interface TenantsOptions extends Omit<
  TenantHost,
  'call' | 'makeRoom' | 'onGone' | 'onIdle' | 'onUsed' | 'inline' | 'sockets' | 'isCurrent'
> {
  /** Relay to the app's sockets in the other processes of the host. */
  relay: SocketRelay
  /** Maximum number of isolates that live at once in this process. */
  maxIsolates: number
  /**
   * Terminates entries into isolates that run too long on this thread. Default: no isolate is entered on this
   * thread.
   */
  watch?: InlineWatch | undefined
  /** Resident memory of this process in MB above which idle isolates are evicted. */
  maxProcessMb: number
  /** Calls an app that another process serves; returns undefined for an app served here. */
  callOwnProcess(app: string, request: Request): Promise<Response> | undefined
  openCrons: OpenCronStore
}

/** Seconds that an app's requests may take to finish in a process that the app leaves, where it may harm others. */
const LEAVE_SECONDS = 5
/** Seconds that running work of an app's replaced version may take to finish. */
const DRAIN_SECONDS = 30
/** Seconds for closing the sockets of an app that this process no longer serves. */
const CLOSE_SECONDS = 5

/** All apps that a process serves. */
export class Tenants {
  #options: TenantsOptions
  #host: TenantHost
  #records = new Map<string, AppRecord>()
  /** Tenants by app, created on first use: a process may never serve most of its apps. */
  #tenants = new Map<string, Tenant>()
  #router = new Router([])
  #background: BackgroundWork
  #retired = new Set<Tenant>()
  #slots: IsolateSlots
  #usage = new UsageLedger()
  #policies = new Map<string, InlinePolicy>()
  #sockets = new Map<string, AppSockets>()
  #unknownMemory = new UnknownMemory()

  constructor(options: TenantsOptions) {
    this.#options = options
    this.#background = new BackgroundWork(options)
    this.#slots = new IsolateSlots(options.maxIsolates, (tenant) => tenant.evict())
    this.#host = {
      ...options,
      call: (app, request) => this.#call(app, request),
      inline: (app) => this.#inline(app),
      makeRoom: (tenant) => this.#slots.enter(tenant),
      onGone: (tenant) => this.#slots.leave(tenant),
      onIdle: () => this.#slots.onIdle(),
      onUsed: (tenant) => this.#usage.note(tenant),
      sockets: (record, declares) => this.#socketsOf(record, declares),
      isCurrent: ({ name, version }) => this.#records.get(name)?.version === version,
    }
  }

  find(host: string | undefined, target: string): Route | undefined {
    return this.#router.find(host, target)
  }

  get(app: string): Tenant | undefined {
    return this.#tenants.get(app) ?? this.#create(app)
  }

  #create(app: string): Tenant | undefined {
    const record = this.#records.get(app)
    if (record === undefined) return undefined
    const tenant = new Tenant(record, this.#host)
    this.#tenants.set(app, tenant)
    return tenant
  }

  get live(): number {
    return this.#slots.live
  }

  /**
   * Starts a version of an app beside the current one to find out whether it can start; it serves nothing.
   * `onMigrate` is called when its migrations begin.
   *
   * @throws the reason why it does not start.
   */
  async probe(record: AppRecord, onMigrate: () => void): Promise<void> {
    const sockets = this.#createSockets(record, true)
    const tenant = new Tenant(record, {
      ...this.#host,
      onMigrate,
      sockets: (_, declares) => (declares ? sockets : undefined),
      isCurrent: () => true,
    })
    try {
      await tenant.event(() => tenant.open())
    } finally {
      await tenant.close(0)
      await sockets.close(0)
      this.#usage.forget(tenant)
    }
  }

  #socketsOf(record: AppRecord, declares: boolean): AppSockets | undefined {
    let sockets = this.#sockets.get(record.name)
    if (sockets === undefined && declares)
      this.#sockets.set(record.name, (sockets = this.#createSockets(record, false)))
    return sockets
  }

  #createSockets({ name, limits }: AppRecord, isTrial: boolean): AppSockets {
    const current = (): Tenant | undefined => this.get(name)
    return new AppSockets({
      quota: new TenantSocketQuota(() => current()?.billed),
      wallTimeout: limits.wallMs / 1000,
      run: async (binding, state, event, ctx) => {
        try {
          return (await current()?.socket(binding, state, event, ctx)) ?? {}
        } catch (error) {
          // The app's isolate did not start for a WebSocket event, and the log says why.
          return { error }
        }
      },
      onBackground: (work) => current()?.background(work),
      log: (text) => current()?.logError(text),
      relay: (binding) => this.#options.relay.driver(name, binding),
      isTrial,
    })
  }

  /** Closes the sockets of an app that this process no longer serves. */
  async #closeSockets(name: string, seconds: number): Promise<void> {
    const sockets = this.#sockets.get(name)
    this.#sockets.delete(name)
    await sockets?.close(seconds)
  }

  /** Closes the sockets of apps that another process serves from now on. */
  async leaveSockets(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.#closeSockets(name, CLOSE_SECONDS)))
  }

  /** Closes the WebSockets of all apps with 1012, and waits for their handlers. */
  async closeSockets(seconds: number): Promise<void> {
    await Promise.all([...this.#sockets.keys()].map((name) => this.#closeSockets(name, seconds)))
  }

  // Inline policies are kept by app name, so that a new version of an app that blocked others is not trusted
  // again.
  #inline(app: string): InlineOptions | undefined {
    const { watch } = this.#options
    if (watch === undefined) return undefined
    let policy = this.#policies.get(app)
    if (policy === undefined) this.#policies.set(app, (policy = new InlinePolicy()))
    const { onEnter, onLeave } = this.#options
    return { watch, policy, onEnter: () => onEnter(app), onLeave: () => onLeave(app) }
  }

  /**
   * Switches to new versions of apps at once: new requests see them, while running requests finish on the old
   * versions.
   */
  update(set: readonly AppRecord[], remove: readonly string[]): void {
    for (const name of remove) {
      void this.#closeSockets(name, CLOSE_SECONDS)
      this.#records.delete(name)
      this.#retire(name)
    }
    for (const record of set) {
      const known = this.#records.get(record.name)
      if (known?.version === record.version && known.refused === record.refused) continue
      this.#records.set(record.name, record)
      this.#retire(record.name)
      void this.#sockets.get(record.name)?.changed()
      this.#startBackground(record)
    }
    this.#router = new Router(this.#records.values())
  }

  #retire(name: string, seconds = DRAIN_SECONDS): void {
    const tenant = this.#tenants.get(name)
    if (tenant === undefined) return
    this.#tenants.delete(name)
    this.#retired.add(tenant)
    void this.#background
      .stop(tenant)
      .then(() => tenant.close(seconds))
      .catch((error: unknown) =>
        this.#options.log(name, 'error', `An old version did not close: ${errorText(error)}`),
      )
      .then(() => {
        this.#usage.take(tenant)
        this.#usage.forget(tenant)
        this.#retired.delete(tenant)
      })
  }

  /** Starts or stops queues and crons according to this process's duties. */
  async setDuties(duties: BackgroundDuties): Promise<void> {
    if (!(await this.#background.setDuties(duties))) return
    for (const record of this.#records.values()) this.#startBackground(record)
  }

  /**
   * Frees an app's resources in this process, because another process serves the app from now on. Requests
   * under way finish first.
   */
  async leave(name: string): Promise<void> {
    const record = this.#records.get(name)
    if (record !== undefined) this.#records.set(name, { ...record, background: false })
    this.#retire(name, LEAVE_SECONDS)
    await this.#closeSockets(name, CLOSE_SECONDS)
  }

  #startBackground(record: AppRecord): void {
    if (record.background && this.#background.hasDuties)
      this.#background.start(this.get(record.name) as Tenant)
  }

  #call(app: string, request: Request): Promise<Response> {
    const elsewhere = this.#options.callOwnProcess(app, request)
    if (elsewhere !== undefined) return elsewhere
    const tenant = this.get(app)
    if (tenant === undefined)
      return Promise.reject(
        new UnmoorError('Unavailable', `This host serves no app "${app}" now.`, { operation: 'fetch' }),
      )
    return tenant.fetch(request)
  }

  /** Evicts idle isolates while the process holds more memory than it should. */
  async relieve(): Promise<void> {
    const { maxProcessMb } = this.#options
    // Evict a quarter of the idle isolates at a time, as the process's memory shrinks only some time after an
    // eviction.
    if (process.memoryUsage.rss() > maxProcessMb * 1024 * 1024) await this.#slots.evictIdle(0.25)
  }

  async measureMemory(): Promise<void> {
    for (const tenant of this.#slots.tenants) await tenant.measureMemory()
  }

  /** Measures isolates with memory outside V8's heap; those above their limit are terminated. */
  async checkOutside(): Promise<void> {
    for (const tenant of this.#slots.tenants) if (tenant.holdsOutside) await tenant.measureMemory()
  }

  /** Reports memory that the process holds beyond what its isolates are known to hold. */
  unknownMemory(): Promise<UnknownMemoryReport | undefined> {
    return this.#unknownMemory.look(
      () => [...this.#slots.tenants],
      () => this.measureMemory(),
    )
  }

  /** Returns usage per app since the last call, and the memory that each app's isolate holds now. */
  takeUsage(): Record<string, { usage: Usage; memory: number }> {
    const taken: Record<string, { usage: Usage; memory: number }> = {}
    for (const [name, usage] of this.#usage.report(this.#slots.tenants)) {
      const memory = this.#tenants.get(name)?.memory ?? 0
      if (memory > 0 || !isEmpty(usage)) taken[name] = { usage, memory }
    }
    return taken
  }

  /** Lets running work of all tenants finish, and frees their resources. */
  async close(seconds: number): Promise<void> {
    const tenants = [...this.#tenants.values(), ...this.#retired]
    await Promise.all(
      tenants.map(async (tenant) => {
        await this.#background.stop(tenant)
        await tenant.close(seconds)
        this.#usage.take(tenant)
      }),
    )
  }
}
