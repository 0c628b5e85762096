import type { Engine } from '../../engine/engine.ts'
import type { LimitName } from '../limits.ts'
import { emptyUsage, type Usage } from '../usage.ts'

/**
 * What one app uses in one process. Its `cpuUs` is still the time at work by the clock: `Tenants` knows how
 * much of that all isolates had a core.
 */
export class UsageMeter {
  readonly usage: Usage = emptyUsage()
  /** Bytes of the isolate, as last measured. */
  memory = 0
  #engine: Engine | undefined
  #activeSeen = 0
  #hostSeen = 0
  #inlineSeen = 0

  /**
   * Counts this isolate's time from now on: what the web API took before the isolate was this app's is
   * nobody's.
   */
  follow(guest: Engine): void {
    this.settle()
    this.#engine = guest
    this.#activeSeen = guest.time.active
    this.#hostSeen = guest.time.host
    this.#inlineSeen = guest.time.inline
  }

  /** The isolate is gone. */
  leave(): void {
    this.settle()
    this.#engine = undefined
    this.memory = 0
  }

  /** Charges the isolate with microseconds of the thread that all tenants share. */
  charge(microseconds: number): void {
    this.#engine?.charge(microseconds)
  }

  async measureMemory(): Promise<void> {
    this.memory = await (this.#engine?.memory() ?? Promise.resolve(0)).catch(() => 0)
  }

  /** True if the isolate has ever had memory outside V8's heap. */
  get holdsOutside(): boolean {
    return this.#engine?.holdsOutside === true
  }

  /** True if some of the memory outside V8's heap was WebAssembly's, or a buffer's that can grow. */
  get holdsWasm(): boolean {
    return this.#engine?.holdsWasm === true
  }

  /** Takes over what the isolate has used since the last time. */
  settle(): void {
    if (this.#engine === undefined) return
    const { active, host, inline } = this.#engine.time
    this.usage.cpuUs += active - this.#activeSeen
    this.usage.hostCpuUs += host - this.#hostSeen
    this.usage.inlineCpuUs += inline - this.#inlineSeen
    this.#activeSeen = active
    this.#hostSeen = host
    this.#inlineSeen = inline
    this.usage.heldBytes = Math.max(this.usage.heldBytes, this.#engine.held.peak)
  }

  hit(limit: LimitName): void {
    this.usage.limits[limit] = (this.usage.limits[limit] ?? 0) + 1
  }

  /** What was used since the last call. */
  take(): Usage {
    this.settle()
    const taken = { ...this.usage, limits: { ...this.usage.limits } }
    Object.assign(this.usage, emptyUsage())
    return taken
  }
}
