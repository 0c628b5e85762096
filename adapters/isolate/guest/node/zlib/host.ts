/** Calls from the guest's `node:zlib` to Node's own in the engine. */
import { link } from '../../link.ts'
import { type Bytes, codedError, toBytes, unwrap } from '../crypto/host.ts'

/** Name of a mode of `node:zlib`: that of its asynchronous function. */
export type Mode =
  | 'gzip'
  | 'deflate'
  | 'deflateRaw'
  | 'gunzip'
  | 'inflate'
  | 'inflateRaw'
  | 'unzip'
  | 'brotliCompress'
  | 'brotliDecompress'
  | 'zstdCompress'
  | 'zstdDecompress'

/** Options of the functions and classes of `node:zlib`. */
export type Options = Readonly<Record<string, unknown>>

/** Most bytes that one call compresses; the engine takes no more (`services/zlib/modes.ts`). */
export const PIECE = 128 * 1024
/** Bytes of compressed data per call: deflate makes at most 1,032 times as much of them. */
const COMPRESSED_PIECE = 32 * 1024

const HOST_OPTIONS = [
  'level',
  'memLevel',
  'strategy',
  'windowBits',
  'flush',
  'finishFlush',
  'dictionary',
  'params',
  'maxOutputLength',
]

/** Returns the part of the options that the engine needs, as data. @throws TypeError as Node does. */
export function hostOptions(options: unknown): Options {
  if (typeof options !== 'object' || options === null) return {}
  const given = options as Options
  if (given['info'] === true)
    throw codedError(Error, 'ERR_FEATURE_UNAVAILABLE', 'zlib: the option "info" is not there in an isolate.')
  const sent: Record<string, unknown> = {}
  for (const name of HOST_OPTIONS) {
    const value = given[name]
    if (value === undefined || value === null) continue
    const isNumber = name !== 'dictionary' && name !== 'params'
    if (isNumber && typeof value !== 'number')
      throw codedError(
        TypeError,
        'ERR_INVALID_ARG_TYPE',
        `The "options.${name}" property must be of type number.`,
      )
    sent[name] = name === 'dictionary' ? toBytes(value, undefined, 'options.dictionary') : value
  }
  return sent
}

/** Converts the data of a call to bytes in a buffer of their own. @throws TypeError as Node does. */
export function bytesOf(data: unknown): Bytes {
  return toBytes(data, undefined, 'buffer')
}

/** Calls the engine's `node:zlib` synchronously. @throws what the engine's function throws. */
export function call<T = Bytes>(operation: string, ...data: unknown[]): T {
  return unwrap(link.callSync(`zlib.${operation}`, ...data)) as T
}

let nextStream = 1
/** Releases the engine's stream `id` when the guest's stream is collected without an end. */
const abandoned = new FinalizationRegistry<number>((id) => link.post('zlibClose', id))

/** A compression or decompression stream of the engine. */
export class HostStream {
  // The ids of CompressionStreams are positive, so those of `node:zlib` are negative.
  readonly #id = -nextStream++
  readonly #mode: Mode
  readonly #options: Options
  /** Number of bytes that the stream has taken in. */
  bytesWritten = 0

  constructor(mode: Mode, options: Options) {
    this.#mode = mode
    this.#options = options
    abandoned.register(this, this.#id, this)
  }

  /**
   * Feeds data in pieces; yields the output of each. `then` follows the data: a kind of flush, or a level and
   * a strategy.
   */
  async *feed(bytes: Bytes, then?: number | readonly number[]): AsyncGenerator<Bytes[]> {
    const piece = COMPRESSES.has(this.#mode) ? PIECE : COMPRESSED_PIECE
    let at = 0
    do {
      const part = bytes.byteLength <= piece ? bytes : bytes.slice(at, at + piece)
      at += piece
      this.bytesWritten += part.byteLength
      if (part.byteLength > 0 || then !== undefined)
        yield await this.#request(part, at >= bytes.byteLength ? then : undefined)
    } while (at < bytes.byteLength)
  }

  /** Ends the stream; returns the rest of its output. */
  async end(): Promise<Bytes[]> {
    const chunks = await this.#request(null)
    abandoned.unregister(this)
    return chunks
  }

  close(): void {
    abandoned.unregister(this)
    link.post('zlibClose', this.#id)
  }

  async #request(bytes: Bytes | null, then?: number | readonly number[]): Promise<Bytes[]> {
    return unwrap(
      await link.request('zlib.feed', this.#id, this.#mode, this.#options, bytes, then),
    ) as Bytes[]
  }
}

/** Modes that compress. */
export const COMPRESSES: ReadonlySet<Mode> = new Set<Mode>([
  'gzip',
  'deflate',
  'deflateRaw',
  'brotliCompress',
  'zstdCompress',
])
