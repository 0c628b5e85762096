import type { Expectations } from './index.ts'

/** Cases that fail on this target today. */
export const lambda: Expectations = {}
