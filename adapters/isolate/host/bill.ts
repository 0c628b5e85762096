import type { Guest } from '../runtime/guest.ts'
import type { LimitName } from './limits.ts'
import { emptyUsage, type Usage } from './usage.ts'

/** What one app uses in one process. Its `cpuUs` is still the time at work by the clock: `Tenants` knows how much of that all isolates had a core. */
export class Bill {
  readonly usage: Usage = emptyUsage()
  #guest: Guest | undefined
  #activeSeen = 0
  #hostSeen = 0
  #inlineSeen = 0

  /** Counts this isolate's time from now on: what the web API took before the isolate was this app's is nobody's. */
  follow(guest: Guest): void {
    this.settle()
    this.#guest = guest
    this.#activeSeen = guest.activeTime
    this.#hostSeen = guest.hostTime
    this.#inlineSeen = guest.inlineTime
  }

  /** The isolate is gone. */
  leave(): void {
    this.settle()
    this.#guest = undefined
  }

  /** Takes over what the isolate has used since the last time. */
  settle(): void {
    if (this.#guest === undefined) return
    const { activeTime, hostTime, inlineTime } = this.#guest
    this.usage.cpuUs += activeTime - this.#activeSeen
    this.usage.hostCpuUs += hostTime - this.#hostSeen
    this.usage.inlineCpuUs += inlineTime - this.#inlineSeen
    this.#activeSeen = activeTime
    this.#hostSeen = hostTime
    this.#inlineSeen = inlineTime
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
