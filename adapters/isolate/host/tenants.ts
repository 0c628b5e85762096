import { setTimeout as sleep } from 'node:timers/promises'
import { UnmoorError } from '../../../core/errors.ts'
import { CoreShare } from '../runtime/thread-clock.ts'
import type { AppRecord } from './app-record.ts'
import { type Background, type BackgroundDuties, startBackground } from './background.ts'
import { Router, type Route } from './router.ts'
import { Tenant, type TenantHost } from './tenant.ts'
import { addUsage, emptyUsage, type Usage } from './usage.ts'

/** Options of {@link Tenants}. */
export interface TenantsOptions extends Omit<TenantHost, 'call' | 'makeRoom'> {
  /** Isolates that live at once in this process. */
  maxIsolates: number
  /** Resident memory of this process in MB above which idle isolates are put away. */
  maxProcessMb: number
}

/** Seconds that a version which was replaced has for what is under way in it. */
const DRAIN_SECONDS = 30

/** All apps that a process serves. */
export class Tenants {
  #options: TenantsOptions
  #host: TenantHost
  #tenants = new Map<string, Tenant>()
  #router = new Router([])
  #duties: BackgroundDuties = { queues: false, crons: false }
  #background = new Map<Tenant, Promise<Background | undefined>>()
  #retired = new Set<Tenant>()
  /** Usage of versions that are gone. */
  #left = new Map<string, Usage>()
  #cores = new CoreShare()

  constructor(options: TenantsOptions) {
    this.#options = options
    this.#host = { ...options, call: (app, request) => this.#call(app, request), makeRoom: () => this.#makeRoom() }
  }

  find(host: string | undefined, target: string): Route | undefined {
    return this.#router.find(host, target)
  }

  get(app: string): Tenant | undefined {
    return this.#tenants.get(app)
  }

  get live(): number {
    let count = 0
    for (const tenant of [...this.#tenants.values(), ...this.#retired]) if (tenant.isLive) count++
    return count
  }

  /** Switches to these versions at once: the next request sees the new one, what is under way finishes on the old. */
  update(set: readonly AppRecord[], remove: readonly string[]): void {
    for (const name of remove) this.#retire(name)
    for (const record of set) {
      const old = this.#tenants.get(record.name)
      if (old?.record.version === record.version) continue
      this.#retire(record.name)
      const tenant = new Tenant(record, this.#host)
      this.#tenants.set(record.name, tenant)
      this.#startBackground(tenant)
    }
    this.#router = new Router([...this.#tenants.values()].map(({ record }) => record))
  }

  #retire(name: string): void {
    const tenant = this.#tenants.get(name)
    if (tenant === undefined) return
    this.#tenants.delete(name)
    this.#retired.add(tenant)
    void this.#stopBackground(tenant)
      .then(() => tenant.close(DRAIN_SECONDS))
      .catch((error: unknown) => this.#options.log(name, 'error', `An old version did not close: ${String(error)}`))
      .then(() => {
        this.#keepUsage(tenant)
        this.#retired.delete(tenant)
      })
  }

  #keepUsage(tenant: Tenant): void {
    const { name } = tenant.record
    const sum = this.#left.get(name) ?? emptyUsage()
    addUsage(sum, tenant.takeUsage())
    this.#left.set(name, sum)
  }

  /** Takes up or gives up queues and crons. */
  async setDuties(duties: BackgroundDuties): Promise<void> {
    if (duties.queues === this.#duties.queues && duties.crons === this.#duties.crons) return
    this.#duties = duties
    await Promise.all([...this.#tenants.values()].map((tenant) => this.#stopBackground(tenant)))
    for (const tenant of this.#tenants.values()) this.#startBackground(tenant)
  }

  /** Frees what an app has here: another process serves it from now on. */
  async putAside(name: string): Promise<void> {
    const tenant = this.#tenants.get(name)
    if (tenant === undefined) return
    await this.#stopBackground(tenant)
    await tenant.close(0)
  }

  #startBackground(tenant: Tenant): void {
    if (!tenant.record.background || (!this.#duties.queues && !this.#duties.crons)) return
    const duties = this.#duties
    const attempt = async (): Promise<Background | undefined> => {
      for (let pause = 500; this.#background.has(tenant); pause = Math.min(pause * 2, 30_000)) {
        try {
          return await startBackground(tenant, duties, (message) => this.#options.log(tenant.record.name, 'error', message))
        } catch (error) {
          this.#options.log(tenant.record.name, 'error', `Queues and crons do not start: ${error instanceof Error ? error.message : String(error)}`)
          await sleep(pause, undefined, { ref: false })
        }
      }
      return undefined
    }
    const { promise, resolve } = Promise.withResolvers<Background | undefined>()
    this.#background.set(tenant, promise)
    void attempt().then(resolve)
  }

  async #stopBackground(tenant: Tenant): Promise<void> {
    const background = this.#background.get(tenant)
    this.#background.delete(tenant)
    const started = await background
    await started?.stop()
  }

  #call(app: string, request: Request): Promise<Response> {
    const tenant = this.#tenants.get(app)
    if (tenant === undefined) return Promise.reject(new UnmoorError('Unavailable', `This host serves no app "${app}" now.`, { operation: 'fetch' }))
    return tenant.fetch(request)
  }

  async #makeRoom(): Promise<void> {
    // The one that asks counts already.
    while (this.live > this.#options.maxIsolates) {
      const victim = this.#idle()[0]
      if (victim === undefined) {
        const message = `all ${this.#options.maxIsolates} isolates of this process are at work`
        throw new UnmoorError('Throttled', message, { operation: 'start' })
      }
      await victim.evict()
    }
  }

  /** Tenants whose isolate does nothing, the longest idle first. */
  #idle(): Tenant[] {
    return [...this.#tenants.values()].filter((tenant) => tenant.isLive && tenant.active === 0).sort((a, b) => a.lastUsed - b.lastUsed)
  }

  /** Puts idle isolates away while the process holds more memory than it should. */
  async relieve(): Promise<void> {
    const { maxProcessMb } = this.#options
    if (process.memoryUsage.rss() <= maxProcessMb * 1024 * 1024) return
    const idle = this.#idle()
    // A quarter at a time: what is freed shows in the process's memory only by and by.
    for (const tenant of idle.slice(0, Math.ceil(idle.length / 4))) if (tenant.active === 0) await tenant.evict()
  }

  async measureMemory(): Promise<void> {
    for (const tenant of this.#tenants.values()) if (tenant.isLive) await tenant.measureMemory()
  }

  /** What was used since the last call, and the memory held now, per app. */
  takeUsage(): Record<string, { usage: Usage; memory: number }> {
    for (const tenant of [...this.#tenants.values(), ...this.#retired]) this.#keepUsage(tenant)
    const taken: Record<string, { usage: Usage; memory: number }> = {}
    const share = this.#cores.take([...this.#left.values()].reduce((sum, { cpuUs }) => sum + cpuUs, 0))
    for (const [name, usage] of this.#left) {
      usage.cpuUs = usage.cpuUs * share + usage.hostCpuUs
      const memory = this.#tenants.get(name)?.memory ?? 0
      if (usage.requests + usage.events + usage.cpuUs + usage.starts + usage.evictions + memory > 0) taken[name] = { usage, memory }
    }
    this.#left = new Map()
    return taken
  }

  /** Lets everything finish and frees it. */
  async close(seconds: number): Promise<void> {
    const tenants = [...this.#tenants.values(), ...this.#retired]
    await Promise.all(
      tenants.map(async (tenant) => {
        await this.#stopBackground(tenant)
        await tenant.close(seconds)
        this.#keepUsage(tenant)
      }),
    )
  }
}
