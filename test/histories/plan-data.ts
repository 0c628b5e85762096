import type { Fault } from './faults/fault.ts'

/** Names of the workloads, which `workloads/index.ts` has. */
export type WorkloadName = 'strong-kv' | 'kv' | 'blob' | 'queue' | 'sql' | 'crons'

/** A step of a client; each workload has more fields of its own. `key` is what shrinking groups steps by. */
export interface Step {
  readonly do: string
  readonly key: string
}

/** One client of a plan. Its steps are run one after the other, by the process that it belongs to. */
export interface Client {
  readonly process: number
  readonly steps: readonly Step[]
}

/** A run as data: the same plan gives the same operations and faults. It does not give the interleaving. */
export interface Plan {
  readonly seed: number
  readonly driver: string
  readonly workload: WorkloadName
  readonly processes: number
  readonly clients: readonly Client[]
  readonly faults: readonly Fault[]
}
