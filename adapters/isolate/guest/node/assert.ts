/** `node:assert` in an isolate; `assert-strict.ts` has the strict one. */
import { refused } from './refused.ts'
import { inspect } from '../web/inspect.ts'
import { isDeepEqual, isDeepStrictEqual } from './deep-equal.ts'

interface Details {
  message?: string | undefined
  actual?: unknown
  expected?: unknown
  operator?: string
}

export class AssertionError extends Error {
  readonly code = 'ERR_ASSERTION'
  readonly actual: unknown
  readonly expected: unknown
  readonly operator: string
  readonly generatedMessage: boolean

  constructor({ message, actual, expected, operator = 'fail' }: Details) {
    super(message ?? `${inspect(actual, 1)} ${operator} ${inspect(expected, 1)}`)
    this.name = 'AssertionError'
    this.actual = actual
    this.expected = expected
    this.operator = operator
    this.generatedMessage = message === undefined
  }
}

type Message = string | Error | undefined

function check(condition: unknown, message: Message, details: Details): asserts condition {
  if (condition) return
  if (message instanceof Error) throw message
  throw new AssertionError({ ...details, message: message ?? details.message })
}

export function ok(value: unknown, message?: Message): asserts value {
  check(value, message, {
    actual: value,
    expected: true,
    operator: '==',
    message: 'The expression evaluated to a falsy value',
  })
}
/** True by the rule of `assert.equal`: `==`, and NaN equal to NaN. */
function isEqual(a: unknown, b: unknown): boolean {
  // oxlint-disable-next-line eqeqeq -- the rule of assert.equal
  return a == b || (Number.isNaN(a) && Number.isNaN(b))
}

type Comparison = (actual: unknown, expected: unknown, message?: Message) => void

/** Creates a function of `assert` that compares two values. */
function comparison(operator: string, test: (a: unknown, b: unknown) => boolean): Comparison {
  return (actual, expected, message) => check(test(actual, expected), message, { actual, expected, operator })
}

export const equal: Comparison = comparison('==', isEqual)
export const notEqual: Comparison = comparison('!=', (a, b) => !isEqual(a, b))
export const deepEqual: Comparison = comparison('deepEqual', isDeepEqual)
export const notDeepEqual: Comparison = comparison('notDeepEqual', (a, b) => !isDeepEqual(a, b))
export const strictEqual: Comparison = comparison('strictEqual', Object.is)
export const notStrictEqual: Comparison = comparison('notStrictEqual', (a, b) => !Object.is(a, b))
export const deepStrictEqual: Comparison = comparison('deepStrictEqual', isDeepStrictEqual)
export const notDeepStrictEqual: Comparison = comparison(
  'notDeepStrictEqual',
  (a, b) => !isDeepStrictEqual(a, b),
)
export function fail(message?: Message): never {
  if (message instanceof Error) throw message
  throw new AssertionError({ message: message ?? 'Failed' })
}
export function match(text: string, pattern: RegExp, message?: Message): void {
  check(pattern.test(text), message, { actual: text, expected: pattern, operator: 'match' })
}
export function doesNotMatch(text: string, pattern: RegExp, message?: Message): void {
  check(!pattern.test(text), message, { actual: text, expected: pattern, operator: 'doesNotMatch' })
}
export function ifError(value: unknown): void {
  if (value !== null && value !== undefined) throw value
}

type Expected =
  | RegExp
  | (new (...args: never[]) => object)
  | ((error: unknown) => boolean)
  | Record<string, unknown>
  | Error
  | undefined

/**
 * Second argument of `assert.throws` and `assert.rejects`: the expected error, or the message of a failure.
 */
type ExpectedOrMessage = Expected | string

function checkThrown(error: unknown, expected: ExpectedOrMessage, message: Message): void {
  if (expected === undefined || typeof expected === 'string') return
  if (expected instanceof RegExp)
    return check(expected.test(String(error)), message, { actual: error, expected, operator: 'throws' })
  if (typeof expected === 'function') {
    if (expected.prototype !== undefined && error instanceof (expected as new () => object)) return
    const isClass = expected === Error || expected.prototype instanceof Error
    return check(!isClass && (expected as (error: unknown) => boolean)(error), message, {
      actual: error,
      expected,
      operator: 'throws',
    })
  }
  const wanted = Object.entries(
    expected instanceof Error ? { ...expected, name: expected.name, message: expected.message } : expected,
  )
  for (const [key, value] of wanted) {
    const actual = (error as Record<string, unknown>)[key]
    check(
      value instanceof RegExp && typeof actual === 'string'
        ? value.test(actual)
        : isDeepStrictEqual(actual, value),
      message,
      {
        actual,
        expected: value,
        operator: 'throws',
      },
    )
  }
}

function given(expected: ExpectedOrMessage, message: Message): Message {
  return typeof expected === 'string' ? expected : message
}

export function throws(work: () => unknown, expected?: ExpectedOrMessage, message?: Message): void {
  try {
    work()
  } catch (error) {
    return checkThrown(error, expected, message)
  }
  check(false, given(expected, message), { message: 'Missing expected exception.', operator: 'throws' })
}
export async function rejects(
  work: Promise<unknown> | (() => Promise<unknown>),
  expected?: ExpectedOrMessage,
  message?: Message,
): Promise<void> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    return checkThrown(error, expected, message)
  }
  check(false, given(expected, message), { message: 'Missing expected rejection.', operator: 'rejects' })
}
export function doesNotThrow(work: () => unknown): void {
  work()
}
export async function doesNotReject(work: Promise<unknown> | (() => Promise<unknown>)): Promise<void> {
  await (typeof work === 'function' ? work() : work)
}

const members = {
  AssertionError,
  deepEqual,
  deepStrictEqual,
  doesNotMatch,
  doesNotReject,
  doesNotThrow,
  equal,
  fail,
  ifError,
  match,
  notDeepEqual,
  notDeepStrictEqual,
  notEqual,
  notStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
}
type Assert = ((value: unknown, message?: Message) => void) & typeof members & { strict?: unknown }
const create = (more: Partial<typeof members>): Assert =>
  Object.assign((value: unknown, message?: Message): void => ok(value, message), members, more)

const assert: Assert = create({})
export const strict: Assert = create({
  equal: strictEqual,
  notEqual: notStrictEqual,
  deepEqual: deepStrictEqual,
  notDeepEqual: notDeepStrictEqual,
})
Object.assign(strict, { strict })
Object.assign(assert, { strict })

const lacks = (name: string): ((...args: never[]) => never) => refused('assert', name)
export const Assert = /* @__PURE__ */ lacks('Assert')
export const partialDeepStrictEqual = /* @__PURE__ */ lacks('partialDeepStrictEqual')
export default assert
export { assert as 'module.exports' }
