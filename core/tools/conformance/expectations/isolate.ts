import type { Expectations } from './expectations.ts'

/** Conformance cases that fail on the target `isolate` today, with reasons. */
export const isolate: Expectations = {}
