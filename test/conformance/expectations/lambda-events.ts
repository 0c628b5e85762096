import type { Expectations } from './index.ts'

/** Cases that fail behind one kind of front because AWS itself differs there, by `event`. */
export const lambdaEvents: Readonly<Record<string, Expectations>> = {}
