import { CoreShare } from '../../engine/thread-clock.ts'
import type { Tenant } from './tenant.ts'
import { addUsage, emptyUsage, type Usage } from '../usage.ts'

/** Usage of a process's tenants that has not been reported yet. */
export class UsageLedger {
  /** Tenants with usage that the ledger has not read yet. */
  #used = new Set<Tenant>()
  /** Usage by app that was read from tenants but is not reported; it includes versions that are gone. */
  #left = new Map<string, Usage>()
  #cores = new CoreShare()

  /** Notes that a tenant has usage to report. */
  note(tenant: Tenant): void {
    this.#used.add(tenant)
  }

  /** Reads a tenant's usage up to now and adds it to the app's sum. */
  take(tenant: Tenant): void {
    const { name } = tenant.record
    const sum = this.#left.get(name) ?? emptyUsage()
    addUsage(sum, tenant.takeUsage())
    this.#left.set(name, sum)
  }

  /** Removes a tenant from those whose usage is still to be read. */
  forget(tenant: Tenant): void {
    this.#used.delete(tenant)
  }

  /**
   * Returns usage by app since the last call. `live` lists tenants that may have used CPU time without an
   * event.
   *
   * Recorded `cpuUs` of isolates is wall-clock time at work. `report` scales it by the fraction of that time
   * in which all isolates together had a core.
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
