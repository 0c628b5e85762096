import { type AnyDeclaration, kv } from '../../../bindings/declarations.ts'
import type { DriverContext } from '../../../bindings/drivers.ts'
import { type ErrorCode, isUnmoorError, type UnmoorError } from '../../../errors.ts'
import { expect } from './expect.ts'

/** Options with which a conformance case opens a driver. */
export interface OpenOptions {
  /** Binding name of the opened driver. Default: `things`. */
  binding?: string
  /** App name of the opened driver. Default: `test`. */
  app?: string
  declaration?: AnyDeclaration
  /**
   * Clock of the opened driver: returns the current time in milliseconds since 1970. Default: the real clock.
   */
  now?: () => number
}

/** A backend on which a conformance case opens drivers; each case has a fresh harness. */
export interface Harness<Driver> {
  /** Opens a driver on this backend. A second driver sees what the first wrote, as another process would. */
  open(options?: OpenOptions): Promise<Driver>
  /** Closes the drivers that the case opened and removes their data. */
  dispose(): Promise<void>
}

/** Creates the context of a driver under test as a runtime would. */
export function driverContext(options: OpenOptions, more: Partial<DriverContext> = {}): DriverContext {
  return {
    binding: options.binding ?? 'things',
    app: options.app ?? 'test',
    declaration: options.declaration ?? kv(),
    variable: () => undefined,
    now: options.now ?? Date.now,
    ...more,
  }
}

/** Resolves to the error of `promise`, which must be an UnmoorError with this code. */
export function failure(promise: Promise<unknown>, code: ErrorCode): Promise<UnmoorError> {
  const error = failureOf(promise, code)
  // The rejection of the awaited error is handled here: if a test fails before it awaits this promise, it
  // must not also leave an unhandled rejection.
  error.catch(() => {})
  return error
}

async function failureOf(promise: Promise<unknown>, code: ErrorCode): Promise<UnmoorError> {
  const error = await promise.then(
    (value) => expect.fail(`expected ${code}, but it gave ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  )
  if (!isUnmoorError(error)) throw error
  expect(error.code, error.message).toBe(code)
  return error
}

/** Storage keys that a backend might normalise, mangle or take for a path. */
export const STRANGE_KEYS = [
  '\u00e9', // é as one code point
  'e\u0301', // e and a combining accent: another key than é
  '\uff61',
  '\u{1f600}',
  'a\0b',
  'line\nbreak',
  '%2F',
  '/',
  '../a',
  'a//b',
  'a/',
  'a/b',
  'a',
  'A',
  'CON',
  'aux.txt',
  'trailing.',
  'trailing ',
  '*',
  '"quoted"',
  "it's",
  '__proto__',
  '\u{10ffff}x',
]

/** Sorts storage keys by their UTF-8 bytes, by an implementation independent of the drivers'. */
export function byteOrder(keys: Iterable<string>): string[] {
  return [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/**
 * Returns pseudo-random test bytes that are the same for the same seed. They are generated word by word,
 * because some cases take 100 MiB.
 */
export function pattern(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4))
  let state = seed
  for (let index = 0; index < words.length; index++) {
    state = (Math.imul(state, 1103515245) + 12345) | 0
    // High bits are mixed in, because the low bits of a linear congruential generator repeat soon.
    words[index] = state ^ (state >>> 15)
  }
  return new Uint8Array(words.buffer, 0, size)
}
