/**
 * Assertions for the conformance cases of drivers, with the names of Vitest's. They need no test runner,
 * because the cases are published and also run in the command `unmoor conformance`.
 */
import { AssertionError, show } from '../assert.ts'

/** Assertions about a value, as in Vitest. `not` inverts each of them. */
export interface Matchers {
  readonly not: Matchers
  /** Assertion that both values are the same by `Object.is`. */
  toBe(expected: unknown): void
  /** Assertion that both values have the same structure; an undefined property equals a missing one. */
  toEqual(expected: unknown): void
  /** Assertion that the value has at least the properties of `expected`; arrays must have the same length. */
  toMatchObject(expected: unknown): void
  toBeNull(): void
  toBeUndefined(): void
  toBeDefined(): void
  // oxlint-disable-next-line typescript/no-explicit-any -- of any class
  toBeInstanceOf(type: abstract new (...args: any[]) => unknown): void
  /** Assertion that the value contains `part`: a part of a text, or an element. */
  toContain(part: unknown): void
  toMatch(pattern: RegExp): void
  toBeLessThan(limit: number): void
  toBeLessThanOrEqual(limit: number): void
  toBeGreaterThan(limit: number): void
  toBeGreaterThanOrEqual(limit: number): void
}

/** Returns assertions about `actual`; the error of a failed one begins with `message`. */
export function expect(actual: unknown, message = ''): Matchers {
  return matchers(actual, message, true)
}

expect.fail = (message: string): never => {
  throw new AssertionError(message)
}

function matchers(actual: unknown, message: string, wanted: boolean): Matchers {
  const check = (holds: boolean, what: string, expected?: unknown): void => {
    if (holds === wanted) return
    const than = expected === undefined ? '' : ` ${show(expected)}`
    const text = `${show(actual)} ${wanted ? 'is not' : 'is'} ${what}${than}`
    throw new AssertionError(message === '' ? text : `${message}: ${text}`)
  }
  return {
    get not() {
      return matchers(actual, message, !wanted)
    },
    toBe: (expected) => check(Object.is(actual, expected), 'the same as', expected),
    toEqual: (expected) => check(alike(actual, expected, false), 'equal to', expected),
    toMatchObject: (expected) => check(alike(actual, expected, true), 'like', expected),
    toBeNull: () => check(actual === null, 'null'),
    toBeUndefined: () => check(actual === undefined, 'undefined'),
    toBeDefined: () => check(actual !== undefined, 'defined'),
    toBeInstanceOf: (type) => check(actual instanceof type, `a ${type.name}`),
    toContain: (part) =>
      check(
        typeof actual === 'string'
          ? actual.includes(String(part))
          : Array.isArray(actual) && actual.includes(part),
        'with',
        part,
      ),
    toMatch: (pattern) => check(typeof actual === 'string' && pattern.test(actual), `of the form ${pattern}`),
    toBeLessThan: (limit) => check(Number(actual) < limit, 'less than', limit),
    toBeLessThanOrEqual: (limit) => check(Number(actual) <= limit, 'at most', limit),
    toBeGreaterThan: (limit) => check(Number(actual) > limit, 'more than', limit),
    toBeGreaterThanOrEqual: (limit) => check(Number(actual) >= limit, 'at least', limit),
  }
}

function alike(actual: unknown, expected: unknown, partly: boolean): boolean {
  if (Object.is(actual, expected)) return true
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null)
    return false
  if (ArrayBuffer.isView(actual) || ArrayBuffer.isView(expected)) return sameBytes(actual, expected)
  if (expected instanceof Set || expected instanceof Map) {
    return (
      actual.constructor === expected.constructor &&
      alike(sorted(actual as Set<unknown>), sorted(expected as Set<unknown>), false)
    )
  }
  if (Array.isArray(actual) !== Array.isArray(expected)) return false
  if (Array.isArray(actual) && actual.length !== (expected as unknown[]).length) return false
  const names = new Set([...Object.keys(expected), ...(partly ? [] : Object.keys(actual))])
  return [...names].every((name) =>
    alike((actual as Record<string, unknown>)[name], (expected as Record<string, unknown>)[name], partly),
  )
}

/** Sorts the elements of a collection, or the entries of a map, so that two can be compared in any order. */
function sorted(elements: Iterable<unknown>): unknown[] {
  return [...elements]
    .map((element) => [String(element), element] as const)
    .sort(([a], [b]) => (a < b ? -1 : Number(a > b)))
}

function sameBytes(actual: object, expected: object): boolean {
  if (!(actual instanceof Uint8Array && expected instanceof Uint8Array)) return false
  return actual.byteLength === expected.byteLength && actual.every((byte, at) => byte === expected[at])
}
