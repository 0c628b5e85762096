/**
 * Reasons of known failures of conformance cases, by case id. A listed case that passes fails the run, so
 * that the list stays true.
 */
export type Expectations = Readonly<Record<string, string>>
