import { CoreShare } from '../../engine/thread-clock.ts'
import type { Tenant } from './tenant.ts'
import { addUsage, emptyUsage, type Usage } from '../usage.ts'

/** What the tenants of a process have used and nobody has been told yet. */
export class UsageLedger {
  /** With usage that has not been taken. */
  #used = new Set<Tenant>()
  /** Taken and not reported, by app: versions that are gone count too. */
  #left = new Map<string, Usage>()
  #cores = new CoreShare()

  /** The tenant has usage to report. */
  note(tenant: Tenant): void {
    this.#used.add(tenant)
  }

  /** Takes what a tenant has used until now. */
  take(tenant: Tenant): void {
    const { name } = tenant.record
    const sum = this.#left.get(name) ?? emptyUsage()
    addUsage(sum, tenant.takeUsage())
    this.#left.set(name, sum)
  }

  /** Drops a tenant whose usage is not read any more. */
  forget(tenant: Tenant): void {
    this.#used.delete(tenant)
  }

  /**
   * Usage by app since the last call. `live`: tenants that may have used CPU time without an event.
   *
   * `cpuUs` of isolates is time at work by the clock until here; of all isolates together it is known how
   * much of that they had a core.
   */
  report(live: Iterable<Tenant>): Map<string, Usage> {
    for (const tenant of new Set([...this.#used, ...live])) this.take(tenant)
    this.#used.clear()
    const reported = this.#left
    this.#left = new Map()
    const shares = this.#cores.take([...reported.values()].reduce((sum, { cpuUs }) => sum + cpuUs, 0))
    for (const usage of reported.values()) {
      usage.hostCpuUs *= shares.host
      usage.inlineCpuUs *= shares.host
      usage.cpuUs = usage.cpuUs * shares.isolates + usage.hostCpuUs + usage.inlineCpuUs
    }
    return reported
  }
}
