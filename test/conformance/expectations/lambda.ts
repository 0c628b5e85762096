import type { Expectations } from './index.ts'

/** Cases that fail on this target today. */
export const lambda: Expectations = {
  'sql-19': 'Postgres has no limit on LIKE patterns; a longer one that works there is refused on the other targets, never the other way round',
  'sql-20': 'Postgres has no limit of 100 result columns or five united selects; more of them work there and are refused on the other targets, never the other way round',
}
