import type { SuiteName, SystemName } from './suites.ts'

/**
 * `text`: another message for the same error. `documented`: core/compat/workers/README.md says it. `standard`:
 * ours is as the standard has it, workerd is not.
 */
export type KnownClass = 'text' | 'documented' | 'standard'

export interface Known {
  suite: SuiteName
  /** The test's name, or a pattern of names. */
  test: string | RegExp
  class: KnownClass
  reason: string
  /** Default: both. */
  on?: Exclude<SystemName, 'oracle'>
}
