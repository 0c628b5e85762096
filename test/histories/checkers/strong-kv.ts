import { linearize } from './linearizable.ts'
import { groupBy, type Operation, type Verdict, type Violation } from './operation.ts'

/**
 * A call of a strong kv on one key. Values are unique in a history. `version` is what the client had read;
 * null asks for no entry.
 */
export type StrongKvCall =
  | { readonly do: 'get'; readonly key: string }
  | { readonly do: 'getWithVersion'; readonly key: string }
  | { readonly do: 'put'; readonly key: string; readonly value: string }
  | { readonly do: 'delete'; readonly key: string }
  | { readonly do: 'putIf'; readonly key: string; readonly value: string; readonly version: string | null }
  | { readonly do: 'deleteIf'; readonly key: string; readonly version: string }

/**
 * What a call answered: `get` its value; `getWithVersion` value and version; `putIf` the new version, or null
 * if nothing was written; `deleteIf` a boolean; the others null.
 */
export type StrongKvValue = string | boolean | null | { readonly value: string; readonly version: string }

export type StrongKvOperation = Operation<StrongKvCall, StrongKvValue>

/** Operations on one key beyond which the search may not end; a plan has fewer. */
export const MOST_OPERATIONS = 200

/** The call on one key, with versions replaced by the value that was written with them. */
interface Step {
  readonly begun: number
  readonly ended: number
  readonly operation: StrongKvOperation
  /** Value that the condition names; null for "no entry"; undefined without a condition. */
  readonly expected: string | null | undefined
}

/**
 * Judges a strong kv: every key is linearizable. An operation that failed without `mayHaveApplied` is left
 * out, so that a read of its value has nothing to explain it.
 */
export function checkStrongKv(
  operations: readonly StrongKvOperation[],
  { mostStates }: { mostStates?: number } = {},
): Verdict {
  const violations: Violation[] = []
  const undecided: string[] = []
  for (const [key, all] of groupBy(operations, ({ call }) => call.key)) {
    if (all.length > MOST_OPERATIONS) {
      undecided.push(key)
      continue
    }
    const { valueOf, broken } = versions(key, all)
    violations.push(...broken)
    const steps = all.filter(isRelevant).map((operation) => toStep(operation, valueOf))
    const found = linearize(steps, { initial: null as string | null, step }, mostStates)
    if (found.is === 'undecided') undecided.push(key)
    if (found.is !== 'violation') continue
    violations.push({
      kind: 'not linearizable',
      what: `After ${found.explained} operations that some order explains, none of these can come next.`,
      subject: key,
      operations: found.stuck.map(({ operation }) => operation.id),
    })
  }
  return { violations, undecided, counts: {} }
}

const isRead = ({ call }: StrongKvOperation): boolean => call.do === 'get' || call.do === 'getWithVersion'

/** A read without an answer says nothing, and what failed for certain changed nothing. */
function isRelevant(operation: StrongKvOperation): boolean {
  const { is } = operation.outcome
  return is === 'ok' || (is === 'unknown' && !isRead(operation))
}

/**
 * The value that each version was seen with. A version belongs to one write, and a value too, since values
 * are unique.
 */
function versions(
  key: string,
  operations: readonly StrongKvOperation[],
): { valueOf: ReadonlyMap<string, string>; broken: Violation[] } {
  const valueOf = new Map<string, string>()
  const versionOf = new Map<string, string>()
  const broken: Violation[] = []
  for (const { id, call, outcome } of operations) {
    const pair = outcome.is === 'ok' ? pairOf(call, outcome.value) : undefined
    if (pair === undefined) continue
    const [version, value] = pair
    const [before, other] = [valueOf.get(version), versionOf.get(value)]
    if (before !== undefined && before !== value)
      broken.push({
        kind: 'version reused',
        what: `Version ${version} was seen with two values.`,
        subject: key,
        operations: [id],
      })
    else if (other !== undefined && other !== version)
      broken.push({
        kind: 'version changed',
        what: `One write was seen with two versions, ${other} and ${version}.`,
        subject: key,
        operations: [id],
      })
    valueOf.set(version, value)
    versionOf.set(value, version)
  }
  return { valueOf, broken }
}

function pairOf(call: StrongKvCall, value: StrongKvValue): [version: string, value: string] | undefined {
  if (call.do === 'putIf' && typeof value === 'string') return [value, call.value]
  if (call.do === 'getWithVersion' && value !== null && typeof value === 'object')
    return [value.version, value.value]
  return undefined
}

function toStep(operation: StrongKvOperation, valueOf: ReadonlyMap<string, string>): Step {
  const { begun, call, outcome } = operation
  const ended = outcome.is === 'unknown' ? Infinity : operation.ended
  if (call.do !== 'putIf' && call.do !== 'deleteIf') return { begun, ended, operation, expected: undefined }
  // A version that nobody was given matches no entry: no value is called so.
  const expected = call.version === null ? null : (valueOf.get(call.version) ?? `no value of ${call.version}`)
  return { begun, ended, operation, expected }
}

function step(state: string | null, { operation, expected }: Step): string | null | undefined {
  const { call, outcome } = operation
  const answer = outcome.is === 'ok' ? outcome.value : undefined
  switch (call.do) {
    case 'get':
      return answer === state ? state : undefined
    case 'getWithVersion': {
      const value = answer !== null && typeof answer === 'object' ? answer.value : null
      return value === state ? state : undefined
    }
    case 'put':
      return call.value
    case 'delete':
      return null
    case 'putIf': {
      const holds = state === expected
      if (answer === undefined) return holds ? call.value : state
      if ((answer !== null) !== holds) return undefined
      return holds ? call.value : state
    }
    case 'deleteIf': {
      const holds = state === expected
      if (answer === undefined) return holds ? null : state
      if (answer !== holds) return undefined
      return holds ? null : state
    }
  }
}
