/** The suites of the peers' tests, with what must be reached. */
import type { Checkout } from './checkout.ts'

export const SUITE_NAMES = ['kv', 'r2', 'd1', 'cache', 'queues-objects', 'api', 'sql'] as const
export type SuiteName = (typeof SUITE_NAMES)[number]

/** `oracle` is workerd under the installed wrangler. */
export const SYSTEMS = ['oracle', 'node', 'isolate'] as const
export type SystemName = (typeof SYSTEMS)[number]

/** What one suite must reach. */
export interface Bounds {
  /** Least number of tests that the oracle passes, by which a run that asks too little is found out. */
  count: number
  /** Least share of them that each target passes, 0 to 1. */
  floor: number
}

/** Nine tenths of what the oracle passed when the bounds were set, rounded up. */
const counted = (passed: number): number => Math.ceil(passed * 0.9)

export const BOUNDS: Readonly<Record<SuiteName, Bounds>> = {
  kv: { count: counted(46), floor: 0.97 },
  r2: { count: counted(48), floor: 0.93 },
  d1: { count: counted(8), floor: 1 },
  cache: { count: counted(18), floor: 0.94 },
  'queues-objects': { count: counted(20), floor: 1 },
  api: { count: counted(307), floor: 0 },
  sql: { count: counted(260), floor: 0.95 },
}

/** The peers' checkouts. */
export interface Peers {
  miniflare: Checkout
  workerd: Checkout
}
