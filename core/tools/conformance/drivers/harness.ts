import { type AnyDeclaration, kv } from '../../../bindings/declarations.ts'
import type { DriverContext } from '../../../bindings/drivers.ts'
import { type ErrorCode, isUnmoorError, type UnmoorError } from '../../../errors.ts'
import { expect } from './expect.ts'

/** What a case asks of a driver beyond its defaults. */
export interface OpenOptions {
  /** Default: `things`. */
  binding?: string
  /** Default: `test`. */
  app?: string
  declaration?: AnyDeclaration
  /** Default: the real clock. */
  now?: () => number
}

/** One backend, ready for drivers; each case gets a fresh one. */
export interface Harness<Driver> {
  /** A driver on this backend; a second one sees what the first wrote, as another process would. */
  open(options?: OpenOptions): Promise<Driver>
  /** Closes the drivers and removes the data. */
  dispose(): Promise<void>
}

/** A context as a runtime would make it. */
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

/** The error of `promise`, which must be an UnmoorError with this code. */
export function failure(promise: Promise<unknown>, code: ErrorCode): Promise<UnmoorError> {
  const error = failureOf(promise, code)
  // A test that fails before it awaits this fails alone: nobody hears of a later rejection, and its retry
  // counts.
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

/** Keys that a backend might normalise, mangle or take for a path. */
export const STRANGE_KEYS = [
  '\u00e9', // composed
  'e\u0301', // decomposed: another key
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

/** Every key's order in UTF-8 bytes, told by an independent comparison. */
export function byteOrder(keys: Iterable<string>): string[] {
  return [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/**
 * Bytes that differ from place to place, the same for the same seed. Made a word at a time: some cases take
 * 100 MiB.
 */
export function pattern(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4))
  let state = seed
  for (let index = 0; index < words.length; index++) {
    state = (Math.imul(state, 1103515245) + 12345) | 0
    // The low bits of such a generator repeat soon.
    words[index] = state ^ (state >>> 15)
  }
  return new Uint8Array(words.buffer, 0, size)
}
