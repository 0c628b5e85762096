import type { Engine } from '../../engine/engine.ts'
import type { LimitName } from '../limits.ts'
import { emptyUsage, type Usage } from '../usage.ts'

/**
 * Usage of one app in one process. Its `cpuUs` is wall-clock time at work; `UsageLedger` scales it by how
 * much of that time all isolates had a core.
 */
export class UsageMeter {
  readonly usage: Usage = emptyUsage()
  /** Bytes of memory of the app's isolate, as last measured. */
  memory = 0
  #engine: Engine | undefined
  #activeSeen = 0
  #hostSeen = 0
  #inlineSeen = 0

  /**
   * Starts to count an isolate's time. Time that the web API took before the app claimed the isolate is
   * charged to nobody.
   */
  follow(guest: Engine): void {
    this.settle()
    this.#engine = guest
    this.#activeSeen = guest.time.active
    this.#hostSeen = guest.time.host
    this.#inlineSeen = guest.time.inline
  }

  /** Stops counting the isolate's usage when it has ended. */
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

  /** True if some memory outside V8's heap belongs to WebAssembly or a growable buffer. */
  get holdsWasm(): boolean {
    return this.#engine?.holdsWasm === true
  }

  /** Adds the isolate's usage since the last call to the app's usage. */
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

  /** Returns the app's usage since the last call. */
  take(): Usage {
    this.settle()
    const taken = { ...this.usage, limits: { ...this.usage.limits } }
    Object.assign(this.usage, emptyUsage())
    return taken
  }
}
