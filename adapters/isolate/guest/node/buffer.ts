/** `node:buffer` in an isolate: the package `buffer`, with the encoding `base64url` added. */
import { refused } from './refused.ts'
import { Buffer as PackageBuffer } from 'buffer/index.js'

type Encoding = string | undefined
interface BufferClass {
  from(value: unknown, encodingOrOffset?: unknown, length?: unknown): Uint8Array
  alloc(...args: unknown[]): Uint8Array
  allocUnsafe(...args: unknown[]): Uint8Array
  allocUnsafeSlow(...args: unknown[]): Uint8Array
  byteLength(value: unknown, encoding?: Encoding): number
  isEncoding(encoding: unknown): boolean
  concat(list: readonly Uint8Array[], length?: number): Uint8Array
  prototype: { toString(encoding?: Encoding, start?: number, end?: number): string }
}
const Buffer = PackageBuffer as BufferClass

/** Runs `work` and adds Node's error codes to errors of the package `buffer`. */
function coded<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof Error) || 'code' in error) throw error
    const isEncoding = error.message.startsWith('Unknown encoding')
    const ofType = isEncoding ? 'ERR_UNKNOWN_ENCODING' : 'ERR_INVALID_ARG_TYPE'
    throw Object.assign(error, { code: error instanceof RangeError ? 'ERR_OUT_OF_RANGE' : ofType })
  }
}

const isUrl = (encoding: unknown): boolean =>
  typeof encoding === 'string' && encoding.toLowerCase() === 'base64url'
const { from, byteLength, isEncoding } = Buffer
const { toString } = Buffer.prototype

// Buffer's static methods are functions, not arrows, because libraries also write `new
// Buffer.allocUnsafeSlow(8192)`. `base64url` input is passed as `base64`: the package decodes both alphabets.
Buffer.from = function (value, encoding, length) {
  return coded(() => Reflect.apply(from, Buffer, [value, isUrl(encoding) ? 'base64' : encoding, length]))
}
for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
  const make = Buffer[name]
  Buffer[name] = function (...args: unknown[]) {
    return coded(() => Reflect.apply(make, Buffer, args))
  }
}
Buffer.byteLength = function (value, encoding) {
  return Reflect.apply(byteLength, Buffer, [value, isUrl(encoding) ? 'base64' : encoding])
}
Buffer.isEncoding = function (encoding) {
  return isUrl(encoding) || isEncoding(encoding)
}
for (const name of ['from', 'alloc', 'allocUnsafe', 'allocUnsafeSlow', 'byteLength', 'isEncoding'] as const)
  Object.defineProperty(Buffer[name], 'name', { value: name, configurable: true })
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
const isUtf8Name = (encoding: unknown): boolean =>
  encoding === undefined || (typeof encoding === 'string' && /^utf-?8$/i.test(encoding))
Buffer.prototype.toString = function (this: Uint8Array<ArrayBuffer>, encoding, start, end) {
  // UTF-8 is decoded by TextDecoder: the package `buffer` replaces malformed bytes in another way.
  if (isUtf8Name(encoding)) {
    const from = Math.max(Math.trunc(Number(start ?? 0)) || 0, 0)
    const to = end === undefined ? this.length : Math.min(Math.trunc(Number(end)) || 0, this.length)
    return to <= from ? '' : utf8.decode(new Uint8Array(this.buffer, this.byteOffset + from, to - from))
  }
  if (!isUrl(encoding)) return Reflect.apply(toString, this, [encoding, start, end])
  return Reflect.apply(toString, this, ['base64', start, end])
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}

// Methods of Node's Buffer that the package `buffer` lacks.
const more: Record<string, unknown> = {}
const own = Buffer.prototype as unknown as Record<string, unknown>
for (const name of Object.keys(own))
  if (name.includes('BigUInt')) more[name.replace('BigUInt', 'BigUint')] = own[name]
for (const encoding of ['ascii', 'base64', 'base64url', 'hex', 'latin1', 'ucs2', 'utf8']) {
  more[`${encoding}Slice`] = function (
    this: { toString: (...args: unknown[]) => string },
    start?: number,
    end?: number,
  ) {
    return this.toString(encoding, start, end)
  }
  more[`${encoding}Write`] = function (
    this: { length: number; write: (...args: unknown[]) => number },
    text: string,
    offset = 0,
    length = this.length - offset,
  ) {
    return this.write(text, offset, length, encoding === 'base64url' ? 'base64' : encoding)
  }
}
for (const [name, value] of Object.entries(more))
  Object.defineProperty(own, name, { value, writable: true, configurable: true })

/** Copies part of a typed array into a Buffer; `offset` and `length` count the array's elements. */
function copyBytesFrom(view: Uint8Array, offset = 0, length = view.length - offset): Uint8Array {
  const part = view.subarray(offset, offset + length)
  return Buffer.concat([new Uint8Array(part.buffer, part.byteOffset, part.byteLength)])
}
Object.assign(Buffer, { copyBytesFrom })

const bytesOf = (input: ArrayBuffer | ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  ArrayBuffer.isView(input)
    ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
    : new Uint8Array(input)
export function isAscii(input: ArrayBuffer | ArrayBufferView<ArrayBuffer>): boolean {
  return bytesOf(input).every((byte) => byte < 128)
}
export function isUtf8(input: ArrayBuffer | ArrayBufferView<ArrayBuffer>): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytesOf(input))
    return true
  } catch {
    return false
  }
}
export function transcode(source: Uint8Array, from: string, to: string): Uint8Array {
  return Buffer.from(
    (Buffer.from(source) as Uint8Array & { toString(encoding: string): string }).toString(from),
    to,
  )
}

// Buffer is also a property of the global object, as on Node, for code that looks it up there.
Object.defineProperty(globalThis, 'Buffer', { value: Buffer, writable: true, configurable: true })

const { atob, Blob, btoa, File } = globalThis
const INSPECT_MAX_BYTES = 50
const kMaxLength = 0x7fffffff
const kStringMaxLength = 0x1fffffe8
const constants = { MAX_LENGTH: kMaxLength, MAX_STRING_LENGTH: 0x1fffffe8 }
export { atob, Blob, btoa, Buffer, constants, File, INSPECT_MAX_BYTES, kMaxLength, kStringMaxLength }
const bufferModule = {
  atob,
  Blob,
  btoa,
  Buffer,
  constants,
  File,
  INSPECT_MAX_BYTES,
  isAscii,
  isUtf8,
  kMaxLength,
  kStringMaxLength,
  transcode,
}
const lacks = (name: string): ((...args: never[]) => never) => refused('buffer', name)
export const resolveObjectURL = /* @__PURE__ */ lacks('resolveObjectURL')
export default bufferModule
export { bufferModule as 'module.exports' }
