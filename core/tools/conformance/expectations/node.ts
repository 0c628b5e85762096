import type { Expectations } from './expectations.ts'

/** Cases that fail on this target today. */
export const node: Expectations = {}
