import { UnmoorError } from '../../../../core/errors.ts'
import type { Tenant } from './tenant.ts'

/** Milliseconds that an app waits for an isolate's slot while all isolates are busy. */
const WAIT_MS = 5000

/**
 * Limits how many isolates live at once in a process. At the limit, the isolate that has been idle longest is
 * evicted.
 */
export class IsolateSlots {
  #max: number
  #evict: (tenant: Tenant) => Promise<void>
  /** Tenants with an isolate, or about to get one. */
  #live = new Set<Tenant>()
  #waiting: (() => void)[] = []

  constructor(max: number, evict: (tenant: Tenant) => Promise<void>) {
    this.#max = max
    this.#evict = evict
  }

  get live(): number {
    return this.#live.size
  }

  get tenants(): Iterable<Tenant> {
    return this.#live
  }

  /**
   * Gives a tenant a slot for its isolate.
   *
   * @throws `Throttled` if no other tenant becomes idle in time.
   */
  async enter(tenant: Tenant): Promise<void> {
    const deadline = performance.now() + WAIT_MS
    while (!this.#live.has(tenant) && this.#live.size >= this.#max) {
      const victim = this.#idle()[0]
      if (victim !== undefined) {
        // Free the evicted tenant's isolate slot now; ending its isolate takes a moment.
        this.#live.delete(victim)
        await this.#evict(victim)
      } else if (!(await this.#idleWithin(deadline - performance.now())))
        throw new UnmoorError('Throttled', `all ${this.#max} isolates of this process are at work`, {
          operation: 'start',
        })
    }
    this.#live.add(tenant)
  }

  leave(tenant: Tenant): void {
    if (!tenant.isLive) this.#live.delete(tenant)
    this.onIdle()
  }

  /** Wakes a tenant that waits for an isolate slot: another tenant has become idle. */
  onIdle(): void {
    this.#waiting.shift()?.()
  }

  async #idleWithin(ms: number): Promise<boolean> {
    if (ms <= 0) return false
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const wake = (): void => resolve(true)
    this.#waiting.push(wake)
    const timer = setTimeout(() => resolve(false), ms)
    const woken = await promise
    clearTimeout(timer)
    if (!woken) this.#waiting = this.#waiting.filter((waiting) => waiting !== wake)
    return woken
  }

  /**
   * Returns tenants whose isolate is idle, the longest idle first. Tenants with open WebSockets come
   * last, as an eviction closes these.
   */
  #idle(): Tenant[] {
    return [...this.#live]
      .filter((tenant) => tenant.isLive && tenant.active === 0)
      .sort((a, b) => Number(a.webSockets > 0) - Number(b.webSockets > 0) || a.lastUsed - b.lastUsed)
  }

  /** Evicts a fraction of the idle isolates, the longest idle first. */
  async evictIdle(part: number): Promise<void> {
    const idle = this.#idle()
    for (const tenant of idle.slice(0, Math.ceil(idle.length * part))) {
      if (tenant.active > 0) continue
      this.#live.delete(tenant)
      await this.#evict(tenant)
    }
  }
}
