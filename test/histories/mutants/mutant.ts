import type { Patch } from '../../hostile/attack.ts'
import type { FaultKind } from '../faults/fault.ts'
import type { WorkloadName } from '../plan-data.ts'

/** A bug that is planted in a copy of the package, so that the checkers can be seen to convict it. */
export interface Mutant {
  /** Unique; says what is wrong. */
  readonly is: string
  readonly driver: string
  readonly workload: WorkloadName
  /** Kinds of violations of which one must be found: another fault is no conviction. */
  readonly convicts: readonly string[]
  /** Faults of its histories, where the bug shows after these only. Default: all of the driver. */
  readonly faults?: readonly FaultKind[]
  /** Reason why few histories show the bug. It is tried and told, and may live. Default: it may not. */
  readonly isWeak?: string
  readonly patches: readonly Omit<Patch, 'is'>[]
}
