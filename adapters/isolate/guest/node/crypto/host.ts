/** The way of `node:crypto` to the host's. */
import { Buffer } from '../buffer.ts'
import { link } from '../../link.ts'

export type Bytes = Uint8Array<ArrayBuffer>
/** What node takes as data. */
export type BinaryLike = string | ArrayBuffer | ArrayBufferView<ArrayBufferLike>
/** Most bytes of one call. */
export const PIECE = 1024 * 1024

const ERRORS: Readonly<Record<string, ErrorConstructor>> = { RangeError, SyntaxError, TypeError }

/** An error of node's kind. */
export function codedError(Class: ErrorConstructor, code: string, message: string): Error {
  return Object.assign(new Class(message), { code })
}

function unwrap(result: unknown): unknown {
  if (typeof result !== 'object' || result === null || Array.isArray(result) || result instanceof Uint8Array)
    return result
  if ('value' in result) return result.value
  const { name, message, code } = (result as { error: { name: string; message: string; code?: string } })
    .error
  const error = new (ERRORS[name] ?? Error)(message)
  throw code === undefined ? error : Object.assign(error, { code })
}

/** Calls the host; throws what its `node:crypto` throws. */
export function call<T = Bytes>(operation: string, ...data: unknown[]): T {
  return unwrap(link.callSync(`crypto.${operation}`, ...data)) as T
}

/** Calls the host, whose threads work meanwhile. */
export async function callLater<T = Bytes>(operation: string, ...data: unknown[]): Promise<T> {
  return unwrap(await link.request(`crypto.${operation}`, ...data)) as T
}

// What the host keeps is let go with the last object that names it.
const abandoned = new FinalizationRegistry<number>((id) => void call('drop', id))
/** Lets the host's hash, cipher or key of that id go with `owner`. */
export function dropWith(owner: object, id: number): void {
  abandoned.register(owner, id, owner)
}
/** The host has let it go. */
export function wasDropped(owner: object): void {
  abandoned.unregister(owner)
}

/** Bytes in a buffer of their own, as they cross the bridge. */
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

/** Bytes as node gives them: a Buffer, or text in an encoding. */
export function toOutput(bytes: Uint8Array, encoding?: string): Uint8Array | string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as Uint8Array & {
    toString(encoding: string): string
  }
  return encoding === undefined || encoding === 'buffer' ? buffer : buffer.toString(encoding)
}

/** Gives a promise's outcome to a callback, in a turn of its own. */
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
