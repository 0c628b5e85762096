import type { Expectations } from './expectations.ts'

/** Cases that fail on the target `isolate` today. */
export const isolate: Expectations = {}
