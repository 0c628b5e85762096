import type { Expectations } from './expectations.ts'

/** Cases that fail on the target `node` today. */
export const node: Expectations = {}
