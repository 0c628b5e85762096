/** Differences from the oracle that stay, each with its class and its reason. */
import { KNOWN_API } from './known-api.ts'
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

export const KNOWN: readonly Known[] = [
  ...KNOWN_API,
  {
    suite: 'r2',
    test: 'list: returns an empty list with an invalid cursor',
    class: 'documented',
    reason: 'a cursor that no list gave is refused, as it is a mistake that an empty list would hide',
  },
  {
    suite: 'r2',
    test: 'operations permit empty key',
    class: 'documented',
    reason: 'the empty key is refused, as other backends have none',
  },
  {
    suite: 'sql',
    test: /isCached\(/,
    class: 'documented',
    reason: 'cursors do not tell whether a statement was cached, which only tests of workerd ask',
  },
  {
    suite: 'sql',
    test: /previousBookmark < bookmark/,
    class: 'documented',
    reason: 'point-in-time recovery is refused by name',
  },
  {
    suite: 'sql',
    test: /"SELECT ;"/,
    class: 'text',
    reason: 'blanks before a semicolon are not counted in the place of a syntax error',
  },
  {
    suite: 'sql',
    test: /SELECT \* FROM _cf_KV/,
    class: 'text',
    reason: 'the own tables are refused by name, and not column by column',
  },
]
