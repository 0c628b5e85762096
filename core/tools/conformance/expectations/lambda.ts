import type { Expectations } from './expectations.ts'

/** Cases that fail on the target `lambda` today. */
export const lambda: Expectations = {}
