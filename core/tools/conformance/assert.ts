/** Assertions for conformance cases. They use only web standards, so that they run on every target. */
import { isUnmoorError, type ErrorCode, type ErrorDetails } from '../../errors.ts'

/** Error that a failed assertion of a conformance case throws. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Fails a conformance case: throws an AssertionError with `message`. */
export function fail(message: string): never {
  throw new AssertionError(message)
}

/** Assertion: throws unless `value` is truthy. */
export function ok(value: unknown, message: string): asserts value {
  if (!value) fail(message)
}

/**
 * Assertion: throws unless `actual` and `expected` have the same structure. Primitives are compared with
 * `Object.is`, bytes by content, arrays, maps and plain objects by their entries.
 */
export function equal(actual: unknown, expected: unknown, what = 'value'): void {
  const path = difference(actual, expected, what)
  if (path !== undefined) fail(path)
}

function difference(actual: unknown, expected: unknown, path: string): string | undefined {
  if (Object.is(actual, expected)) return undefined
  const differs = `${path} is ${show(actual)}, not ${show(expected)}`
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null)
    return differs
  const bytes = asBytes(actual)
  const wanted = asBytes(expected)
  if (bytes !== undefined || wanted !== undefined)
    return bytes !== undefined && wanted !== undefined ? bytesDifference(bytes, wanted, path) : differs
  if (actual instanceof Map && expected instanceof Map) return difference([...actual], [...expected], path)
  if (actual instanceof Date && expected instanceof Date)
    return actual.getTime() === expected.getTime() ? undefined : differs
  if (Array.isArray(actual) !== Array.isArray(expected)) return differs
  const keys = Object.keys(actual).toSorted()
  const wantedKeys = Object.keys(expected).toSorted()
  if (keys.join('\n') !== wantedKeys.join('\n')) return differs
  for (const key of keys) {
    const found = difference(
      (actual as Record<string, unknown>)[key],
      (expected as Record<string, unknown>)[key],
      `${path}.${key}`,
    )
    if (found !== undefined) return found
  }
  return undefined
}

function asBytes(value: object): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return Object.prototype.toString.call(value) === '[object ArrayBuffer]'
    ? new Uint8Array(value as ArrayBuffer)
    : undefined
}

function bytesDifference(actual: Uint8Array, expected: Uint8Array, path: string): string | undefined {
  if (actual.byteLength !== expected.byteLength)
    return `${path} has ${actual.byteLength} bytes, not ${expected.byteLength}`
  const index = actual.findIndex((byte, at) => byte !== expected[at])
  return index < 0 ? undefined : `${path} differs at byte ${index}: ${actual[index]}, not ${expected[index]}`
}

/** Returns a short text of any value, for messages of failed assertions. */
export function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (typeof value === 'object' && value !== null) {
    const bytes = asBytes(value)
    if (bytes !== undefined) return `${bytes.byteLength} bytes`
    if (value instanceof Map) return `Map ${show([...value])}`
  }
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch {
    text = String(value)
  }
  text ??= String(value)
  return text.length > 300 ? `${text.slice(0, 300)}... (${text.length} characters)` : text
}

/**
 * Assertion: throws unless `work` throws an `UnmoorError` with this code and these details; returns that
 * error.
 */
export async function throwsCode(
  code: ErrorCode,
  work: () => unknown,
  details: ErrorDetails = {},
): Promise<Error & { cause?: unknown }> {
  const error = await caught(work)
  if (error === undefined) return fail(`it succeeded, where ${code} is due`)
  if (!isUnmoorError(error, code)) return fail(`it threw ${describe(error)}, where ${code} is due`)
  for (const [name, value] of Object.entries(details))
    equal(error.details[name as keyof ErrorDetails], value, `${code}.details.${name}`)
  return error
}

/** Assertion: throws unless `work` throws an error with this name. */
export async function throwsNamed(name: string, work: () => unknown): Promise<void> {
  const error = await caught(work)
  if (error === undefined) fail(`it succeeded, where ${name} is due`)
  if ((error as Error).name !== name) fail(`it threw ${describe(error)}, where ${name} is due`)
}

async function caught(work: () => unknown): Promise<unknown> {
  try {
    await work()
    return undefined
  } catch (error) {
    return error ?? new AssertionError('undefined was thrown')
  }
}

function describe(error: unknown): string {
  const code = isUnmoorError(error) ? `${error.code} ` : ''
  return `${code}${show(error)}`
}

/** Waits: resolves after `ms` milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** Repeats an assertion `check` until it does not throw; after `seconds`, throws its last error. */
export async function eventually(check: () => unknown, seconds = 30, everyMs = 100): Promise<void> {
  const end = Date.now() + seconds * 1000
  for (;;) {
    try {
      await check()
      return
    } catch (error) {
      if (Date.now() >= end) throw error
    }
    await sleep(everyMs)
  }
}

/**
 * Returns test bytes: 0 to 250, repeated up to `length`. Up to a length of 256, each byte equals its index.
 */
export function pattern(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  // The test bytes have the prime period 251, so that no block of a power of two repeats and a misplaced
  // chunk is noticed.
  const period = length <= 256 ? length : 251
  for (let index = 0; index < period; index++) bytes[index] = index
  // The filled part of the test bytes is doubled with each copy, since a loop over 25 MiB would take much of
  // an isolate's second of CPU time.
  for (let filled = period; filled < length; filled *= 2) bytes.copyWithin(filled, 0, filled)
  return bytes
}

/** Returns the SHA-256 of `data` in lower-case hex. */
export async function sha256(data: Uint8Array<ArrayBuffer> | ArrayBuffer | string): Promise<string> {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Returns a byte stream that delivers the given chunks, one per pull. */
export function streamOfChunks(
  chunks: Iterable<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const iterator = chunks[Symbol.iterator]()
  return new ReadableStream({
    pull(controller) {
      const next = iterator.next()
      if (next.done === true) controller.close()
      else controller.enqueue(next.value)
    },
  })
}

/** Returns a byte stream that delivers `first` and then fails. */
export function brokenStream(first: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let given = false
  return new ReadableStream({
    pull(controller) {
      if (given) controller.error(new Error('the source broke'))
      else controller.enqueue(first)
      given = true
    },
  })
}
