/**
 * Case ids to the reason why the case fails. One that passes after all fails the run, so that the list stays
 * true.
 */
export type Expectations = Readonly<Record<string, string>>
