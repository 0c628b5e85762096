import { callSync } from '../bridge/bridge.ts'
import { isBufferSource, viewOf } from '../convert.ts'

/**
 * Most code units or bytes of text that a loop in the isolate encodes or decodes more cheaply than a call of
 * the engine.
 */
const SMALL = 2048
/**
 * Most code units or bytes of text in one call: the engine encodes or decodes them on the main thread, which
 * all tenants share.
 */
const PIECE = 512 * 1024

/** Encodes `text` as UTF-8; lone surrogates become U+FFFD. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  const { length } = text
  if (length > PIECE) return encodePieces(text)
  if (length > SMALL) return callSync('utf8', text) as Uint8Array<ArrayBuffer>
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index)
    if (unit > 127) return encodeWide(text)
    bytes[index] = unit
  }
  return bytes
}

function encodePieces(text: string): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = []
  let size = 0
  for (let start = 0; start < text.length;) {
    let end = start + PIECE
    // A surrogate pair is not split between two calls of the engine's UTF-8 encoder.
    const unit = text.charCodeAt(end - 1)
    if (unit >= 0xd800 && unit < 0xdc00) end--
    const piece = callSync('utf8', text.slice(start, end)) as Uint8Array
    pieces[pieces.length] = piece
    size += piece.length
    start = end
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (let index = 0; index < pieces.length; index++) {
    bytes.set(pieces[index] as Uint8Array, at)
    at += (pieces[index] as Uint8Array).length
  }
  return bytes
}

function encodeWide(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length * 3)
  let at = 0
  for (let index = 0; index < text.length; index++) {
    let point = text.charCodeAt(index)
    if (point >= 0xd800 && point < 0xe000) {
      const next = text.charCodeAt(index + 1)
      if (point < 0xdc00 && next >= 0xdc00 && next < 0xe000) {
        point = 0x10000 + ((point - 0xd800) << 10) + (next - 0xdc00)
        index++
      } else point = 0xfffd
    }
    if (point < 0x80) bytes[at++] = point
    else if (point < 0x800) {
      bytes[at++] = 0xc0 | (point >> 6)
      bytes[at++] = 0x80 | (point & 63)
    } else if (point < 0x10000) {
      bytes[at++] = 0xe0 | (point >> 12)
      bytes[at++] = 0x80 | ((point >> 6) & 63)
      bytes[at++] = 0x80 | (point & 63)
    } else {
      bytes[at++] = 0xf0 | (point >> 18)
      bytes[at++] = 0x80 | ((point >> 12) & 63)
      bytes[at++] = 0x80 | ((point >> 6) & 63)
      bytes[at++] = 0x80 | (point & 63)
    }
  }
  return bytes.slice(0, at)
}

/** Decodes the bytes of short ASCII text; returns undefined for anything else. */
function decodeAscii(bytes: Uint8Array): string | undefined {
  if (bytes.length > SMALL) return undefined
  let text = ''
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] as number
    if (byte > 127) return undefined
    text += String.fromCharCode(byte)
  }
  return text
}

/**
 * Decodes UTF-8 as `Response.text()` does: malformed parts become U+FFFD, and a byte order mark is dropped
 * unless `keepMark` is true.
 */
export function decodeUtf8(bytes: Uint8Array<ArrayBuffer>, keepMark = false): string {
  return decodeAscii(bytes) ?? (decodeWhole('utf-8', false, keepMark, bytes) as string)
}

/** Decodes all of `bytes` to text; returns null for malformed bytes under TextDecoder's option `fatal`. */
function decodeWhole(
  encoding: string,
  fatal: boolean,
  ignoreBOM: boolean,
  bytes: Uint8Array<ArrayBuffer>,
): unknown {
  if (bytes.length <= PIECE)
    return callSync('decode', encoding, fatal, ignoreBOM, ownBytes(bytes, 0, bytes.length))
  const id = callSync('decoderOpen', encoding, fatal, ignoreBOM)
  return push(id, bytes, false)
}

// Returns a part of `bytes` in a buffer of its own, because the bridge transfers a view's whole buffer.
function ownBytes(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): Uint8Array<ArrayBuffer> {
  return start === 0 && end >= bytes.buffer.byteLength ? bytes : bytes.slice(start, end)
}

/** Feeds bytes to a decoder of the engine; returns null for malformed bytes under `fatal`. */
function push(id: unknown, bytes: Uint8Array<ArrayBuffer>, stream: boolean): string | null {
  let text = ''
  for (let start = 0; start === 0 || start < bytes.length; start += PIECE) {
    const last = start + PIECE >= bytes.length
    const result = callSync('decoderPush', id, ownBytes(bytes, start, start + PIECE), stream || !last)
    if (typeof result !== 'string') return null
    text += result
  }
  return text
}

export class TextEncoder {
  // Private member by which methods recognise a TextEncoder: reading it from another object throws.
  #encoding = 'utf-8'

  get encoding(): string {
    return this.#encoding
  }
  encode(input: unknown = ''): Uint8Array<ArrayBuffer> {
    if (!(#encoding in this)) throw new TypeError('Illegal invocation')
    return encodeUtf8(`${input as string}`)
  }
  encodeInto(source: unknown, destination: Uint8Array): { read: number; written: number } {
    if (!(#encoding in this)) throw new TypeError('Illegal invocation')
    const text = `${source as string}`
    if (!(destination instanceof Uint8Array)) throw new TypeError('encodeInto takes a Uint8Array')
    let read = 0
    let written = 0
    for (const char of text) {
      const bytes = encodeWide(char)
      if (written + bytes.length > destination.length) break
      destination.set(bytes, written)
      written += bytes.length
      read += char.length
    }
    return { read, written }
  }
}

// The engine's decoder of a stream is closed when the TextDecoder that feeds it is collected.
const abandoned = new FinalizationRegistry<number>((id) => void callSync('decoderClose', id))

/** TextDecoder for all encodings of the standard; the engine has the tables. */
export class TextDecoder {
  #encoding: string
  #fatal: boolean
  #ignoreBOM: boolean
  #stream: number | undefined

  constructor(label: unknown = 'utf-8', options: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    const text = `${label as string}`
    this.#encoding = text === 'utf-8' || text === 'utf8' ? 'utf-8' : (callSync('encoding', text) as string)
    if (this.#encoding === '') throw new RangeError(`The encoding label "${text}" is not known.`)
    this.#fatal = Boolean(options?.fatal)
    this.#ignoreBOM = Boolean(options?.ignoreBOM)
  }

  get encoding(): string {
    return this.#encoding
  }
  get fatal(): boolean {
    return this.#fatal
  }
  get ignoreBOM(): boolean {
    return this.#ignoreBOM
  }

  decode(input?: ArrayBuffer | ArrayBufferView<ArrayBufferLike>, options: { stream?: boolean } = {}): string {
    if (input !== undefined && !isBufferSource(input))
      throw new TypeError('decode takes an ArrayBuffer or a view of one')
    const bytes = input === undefined ? new Uint8Array(0) : copyIfShared(viewOf(input))
    const stream = Boolean(options?.stream)
    if (this.#stream === undefined && !stream) {
      const ascii = this.#encoding === 'utf-8' ? decodeAscii(bytes) : undefined
      if (ascii !== undefined) return ascii
      return decoded(decodeWhole(this.#encoding, this.#fatal, this.#ignoreBOM, bytes), this.#encoding)
    }
    if (this.#stream === undefined) {
      this.#stream = callSync('decoderOpen', this.#encoding, this.#fatal, this.#ignoreBOM) as number
      abandoned.register(this, this.#stream, this)
    }
    const id = this.#stream
    const result = push(id, bytes, stream)
    if (!stream || result === null) {
      this.#stream = undefined
      abandoned.unregister(this)
    }
    return decoded(result, this.#encoding)
  }
}

// A TextDecoder's result of null stands for malformed input under `fatal`: an exception from the engine would
// carry its stack trace.
function decoded(result: unknown, encoding: string): string {
  if (typeof result === 'string') return result
  throw new TypeError(`The encoded data was not valid for encoding ${encoding}`)
}

function copyIfShared(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? bytes : new Uint8Array(bytes)
}
