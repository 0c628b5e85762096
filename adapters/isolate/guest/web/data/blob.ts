import { noteLength } from '../body-length.ts'
import { isBufferSource, isObject, iteratorOf, toSequence, toUSVString, viewOf } from '../convert.ts'
import { finish } from '../define.ts'
import { decodeUtf8, encodeUtf8 } from './encoding.ts'
import { streams } from '../late.ts'
import type { Bytes, ReadableStream } from '../streams.ts'

/** Bytes per chunk of a blob's stream. */
const CHUNK = 64 * 1024

/** Returns the bytes of a blob without copying them. Assigned inside the class Blob. */
export let blobBytes: (blob: Blob) => Bytes
/** Creates a blob over bytes that nobody else changes. Assigned inside the class Blob. */
export let blobOf: (bytes: Bytes, type: string) => Blob

export class Blob {
  #bytes: Bytes
  #type: string

  constructor(parts: unknown = [], options: { type?: unknown; endings?: unknown } = {}) {
    finish(new.target)
    if (!isObject(parts)) throw new TypeError('Blob takes a sequence of parts')
    const iterate = iteratorOf(parts)
    if (options !== null && typeof options !== 'object' && typeof options !== 'function')
      throw new TypeError('Blob options are an object')
    // The Blob constructor converts its arguments in the order of Web IDL: the parts, then the options by
    // their names.
    const given = toSequence(parts, iterate, 'Blob', toPart)
    const endings = toEndings(options?.endings)
    const type = toType(options?.type)
    let size = 0
    const pieces = given.map((part) => {
      const piece = toPiece(part, endings === 'native')
      size += piece.byteLength
      return piece
    })
    this.#bytes = new Uint8Array(size)
    let at = 0
    for (const piece of pieces) {
      this.#bytes.set(piece, at)
      at += piece.byteLength
    }
    this.#type = type
  }

  get size(): number {
    return this.#bytes.byteLength
  }
  get type(): string {
    return this.#type
  }
  slice(start?: number, end?: number, type?: unknown): Blob {
    return blobOf(this.#bytes.subarray(clamp(start, 0), clamp(end, this.size)), toType(type))
  }
  async text(): Promise<string> {
    return decodeUtf8(this.#bytes)
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#bytes.slice().buffer
  }
  async bytes(): Promise<Bytes> {
    return this.#bytes.slice()
  }
  stream(): ReadableStream<Bytes> {
    const bytes = this.#bytes
    const { ReadableStream, streamOfBytes } = streams()
    if (bytes.byteLength <= CHUNK) return streamOfBytes(bytes.slice())
    let at = 0
    const stream = new ReadableStream<Bytes>({
      type: 'bytes',
      pull(controller) {
        controller.enqueue(bytes.slice(at, at + CHUNK))
        at += CHUNK
        if (at >= bytes.byteLength) controller.close()
      },
    })
    noteLength(stream, bytes.byteLength)
    return stream
  }

  static {
    blobBytes = (blob) => blob.#bytes
    blobOf = (bytes, type) => {
      const blob = new Blob()
      blob.#bytes = bytes
      blob.#type = type
      return blob
    }
  }
}

type Part = Blob | ArrayBuffer | ArrayBufferView<ArrayBufferLike> | string

function toPart(part: unknown): Part {
  return part instanceof Blob || isBufferSource(part) ? part : toUSVString(part)
}

function toPiece(part: Part, native: boolean): Bytes {
  if (typeof part === 'string') return encodeUtf8(native ? part.replace(/\r\n?|\n/g, '\n') : part)
  return part instanceof Blob ? blobBytes(part) : viewOf(part)
}

function toEndings(value: unknown): string {
  const endings = value === undefined ? 'transparent' : `${value as string}`
  if (endings !== 'transparent' && endings !== 'native')
    throw new TypeError(`"${endings}" is no value of endings`)
  return endings
}

function toType(type: unknown): string {
  const text = type === undefined ? '' : `${type as string}`
  return /[^\x20-\x7e]/.test(text) ? '' : text.toLowerCase()
}

// Converts an index of `Blob.slice` to Web IDL's [Clamp] long long. A negative index counts from the end, as
// in `subarray`.
function clamp(value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback
  const number = Number(value)
  return Number.isNaN(number) ? 0 : Math.trunc(number)
}

export class File extends Blob {
  #name: string
  #lastModified: number

  constructor(
    parts: unknown,
    name: unknown,
    options: { type?: unknown; endings?: unknown; lastModified?: unknown } = {},
  ) {
    if (arguments.length < 2) throw new TypeError('File takes parts and a name')
    super(parts, options)
    this.#name = toUSVString(name)
    const modified =
      options?.lastModified === undefined ? Date.now() : Math.trunc(Number(options.lastModified))
    this.#lastModified = Number.isNaN(modified) ? 0 : modified
  }

  get name(): string {
    return this.#name
  }
  get lastModified(): number {
    return this.#lastModified
  }
}
