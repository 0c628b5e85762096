/** What every checker reads and returns. Times are microseconds of one monotonic clock (`../clock.ts`). */

/**
 * How an operation ended, as its client saw it. `failed` promises that nothing was applied: the driver's
 * error did not say `mayHaveApplied`. `unknown` may have been applied, may still be applied, or never is:
 * the error said `mayHaveApplied`, or the client was killed before it saw an answer.
 */
export type Outcome<Value> =
  | { readonly is: 'ok'; readonly value: Value }
  | { readonly is: 'failed'; readonly code: string }
  | { readonly is: 'unknown'; readonly code: string }

/** One call of one client. */
export interface Operation<Call, Value = unknown> {
  /** Unique in its history. */
  readonly id: number
  /** The process that called. A restarted process has a name of its own. */
  readonly process: string
  readonly call: Call
  /** Read before the call. */
  readonly begun: number
  /** Read after the answer; Infinity where no answer says that the operation is over. */
  readonly ended: number
  readonly outcome: Outcome<Value>
}

/** A promise that a history breaks. */
export interface Violation {
  /** Name of the broken promise, such as `lost`. */
  readonly kind: string
  /** The case in one sentence. */
  readonly what: string
  /** Key, message or tick that it is about. */
  readonly subject: string
  /** Ids of the operations that show it. */
  readonly operations: readonly number[]
}

/** What a checker says of a history. A history is right if there are no violations and nothing is undecided. */
export interface Verdict {
  readonly violations: readonly Violation[]
  /** Keys whose check was given up at its bound. They count as neither right nor wrong. */
  readonly undecided: readonly string[]
  /** Facts that are no violations, such as the number of duplicates after a lease. */
  readonly counts: Readonly<Record<string, number>>
}

/** True if `first` was over before `second` began. */
export function precedes(first: { ended: number }, second: { begun: number }): boolean {
  return first.ended < second.begun
}

/** Groups values by a key, in their order. */
export function groupBy<Value>(
  values: readonly Value[],
  keyOf: (value: Value) => string,
): Map<string, Value[]> {
  const groups = new Map<string, Value[]>()
  for (const value of values) {
    const key = keyOf(value)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [value])
    else group.push(value)
  }
  return groups
}
