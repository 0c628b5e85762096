import type { Expectations } from './expectations.ts'

/** Conformance cases that fail on the target `node` today, with reasons. */
export const node: Expectations = {}
