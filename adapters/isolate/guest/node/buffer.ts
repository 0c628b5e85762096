/** `node:buffer` in an isolate: the package `buffer`, with `base64url`, which it lacks. */
import { Buffer as PackageBuffer } from 'buffer/index.js'

type Encoding = string | undefined
interface BufferClass {
  from(value: unknown, encodingOrOffset?: unknown, length?: unknown): Uint8Array
  byteLength(value: unknown, encoding?: Encoding): number
  isEncoding(encoding: unknown): boolean
  concat(list: readonly Uint8Array[], length?: number): Uint8Array
  prototype: { toString(encoding?: Encoding, start?: number, end?: number): string }
}
const Buffer = PackageBuffer as BufferClass

const isUrl = (encoding: unknown): boolean =>
  typeof encoding === 'string' && encoding.toLowerCase() === 'base64url'
const { from, byteLength, isEncoding } = Buffer
const { toString } = Buffer.prototype

// The package takes both alphabets when it decodes base64; only the name and the output differ.
Buffer.from = (value, encoding, length) =>
  Reflect.apply(from, Buffer, [value, isUrl(encoding) ? 'base64' : encoding, length])
Buffer.byteLength = (value, encoding) =>
  Reflect.apply(byteLength, Buffer, [value, isUrl(encoding) ? 'base64' : encoding])
Buffer.isEncoding = (encoding) => isUrl(encoding) || isEncoding(encoding)
Buffer.prototype.toString = function (this: object, encoding, start, end) {
  if (!isUrl(encoding))
    return Reflect.apply(toString, this, encoding === undefined ? [] : [encoding, start, end])
  return Reflect.apply(toString, this, ['base64', start, end])
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}

// As on Node, for code that asks the global object.
Object.defineProperty(globalThis, 'Buffer', { value: Buffer, writable: true, configurable: true })

const { atob, Blob, btoa, File } = globalThis
const INSPECT_MAX_BYTES = 50
const kMaxLength = 0x7fffffff
const constants = { MAX_LENGTH: kMaxLength, MAX_STRING_LENGTH: 0x1fffffe8 }
export { atob, Blob, btoa, Buffer, constants, File, INSPECT_MAX_BYTES, kMaxLength }
const bufferModule = { atob, Blob, btoa, Buffer, constants, File, INSPECT_MAX_BYTES, kMaxLength }
export default bufferModule
export { bufferModule as 'module.exports' }
