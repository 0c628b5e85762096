/** Calls from the guest's `node:crypto` to Node's own in the engine. */
import { Buffer } from '../buffer.ts'
import { link } from '../../link.ts'

export type Bytes = Uint8Array<ArrayBuffer>
/** Data that the functions of `node:crypto` accept. */
export type BinaryLike = string | ArrayBuffer | ArrayBufferView<ArrayBufferLike>
/** Most bytes that one call passes to a hash or cipher of the engine. */
export const PIECE = 1024 * 1024

const ERRORS: Readonly<Record<string, ErrorConstructor>> = { RangeError, SyntaxError, TypeError }

/** Creates an error with one of Node's error codes. */
export function codedError(Class: ErrorConstructor, code: string, message: string): Error {
  return Object.assign(new Class(message), { code })
}

/** Returns what a call of the engine returned. @throws the error that it describes. */
export function unwrap(result: unknown): unknown {
  if (typeof result !== 'object' || result === null || Array.isArray(result) || result instanceof Uint8Array)
    return result
  if ('value' in result) return result.value
  const { name, message, ...facts } = (
    result as { error: { name: string; message: string; code?: string; errno?: number } }
  ).error
  throw Object.assign(new (ERRORS[name] ?? Error)(message), facts)
}

/** Calls the engine's `node:crypto` synchronously. @throws what the engine's function throws. */
export function call<T = Bytes>(operation: string, ...data: unknown[]): T {
  return unwrap(link.callSync(`crypto.${operation}`, ...data)) as T
}

/** Calls the engine's `node:crypto` asynchronously; the work runs on the engine's threads. */
export async function callLater<T = Bytes>(operation: string, ...data: unknown[]): Promise<T> {
  return unwrap(await link.request(`crypto.${operation}`, ...data)) as T
}

// The engine's hash, cipher or key is released when the last guest object that names it is collected.
const abandoned = new FinalizationRegistry<number>((id) => void call('drop', id))
/** Releases the engine's hash, cipher or key `id` when `owner` is garbage-collected. */
export function dropWith(owner: object, id: number): void {
  abandoned.register(owner, id, owner)
}
/** Called when the engine has already released the hash, cipher or key of `owner`. */
export function wasDropped(owner: object): void {
  abandoned.unregister(owner)
}

/** Converts an argument of `node:crypto` to bytes in a buffer of their own, as the bridge requires. */
export function toBytes(data: unknown, encoding?: string, name = 'data'): Bytes {
  if (typeof data === 'string')
    return own(Buffer.from(data, encoding === undefined || encoding === 'buffer' ? 'utf8' : encoding))
  if (ArrayBuffer.isView(data)) return own(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  throw codedError(
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    `The "${name}" argument must be of type string or an instance of Buffer, TypedArray, or DataView.`,
  )
}

function own(view: Uint8Array): Bytes {
  return view.constructor === Uint8Array && view.byteLength === view.buffer.byteLength
    ? (view as Bytes)
    : new Uint8Array(view)
}

/** Converts a result of `node:crypto` to what Node returns: a Buffer, or text in the given encoding. */
export function toOutput(bytes: Uint8Array, encoding?: string): Uint8Array | string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as Uint8Array & {
    toString(encoding: string): string
  }
  return encoding === undefined || encoding === 'buffer' ? buffer : buffer.toString(encoding)
}

/**
 * Passes the outcome of an asynchronous `node:crypto` call to a Node-style callback, in a turn of its own.
 */
export function toCallback<T>(work: Promise<T>, done: unknown, spread = false): void {
  if (typeof done !== 'function')
    throw codedError(TypeError, 'ERR_INVALID_ARG_TYPE', 'The "callback" argument must be of type function.')
  const later = (...args: unknown[]): void => void setTimeout(() => Reflect.apply(done, undefined, args), 0)
  // oxlint-disable-next-line promise/prefer-await-to-then -- the callback form is what this makes
  work.then(
    (value) => (spread ? later(null, ...(value as unknown[])) : later(null, value)),
    (error: unknown) => later(error),
  )
}
