import type { Expectations } from './expectations.ts'

/** Conformance cases that fail on the target `lambda` today, with reasons. */
export const lambda: Expectations = {}
