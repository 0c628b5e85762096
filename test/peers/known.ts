/** Differences from the oracle that stay, each with its class and its reason. */
import { KNOWN_API } from './known-api.ts'
import type { Known } from './known-difference.ts'

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
