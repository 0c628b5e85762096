import type { Patch } from '../../hostile/attack.ts'
import type { WorkloadName } from '../workloads/index.ts'

/** A bug that is planted in a copy of the package, so that the checkers can be seen to convict it. */
export interface Mutant {
  /** Unique; says what is wrong. */
  readonly is: string
  readonly driver: string
  readonly workload: WorkloadName
  /** Kinds of violations of which one must be found: another fault is no conviction. */
  readonly convicts: readonly string[]
  readonly patches: readonly Omit<Patch, 'is'>[]
}
