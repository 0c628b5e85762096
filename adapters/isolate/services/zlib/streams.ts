import type { Transform } from 'node:stream'
import * as zlib from 'node:zlib'
import { checkedOptions, MAX_PIECE, memoryOf, modeOf, type ZlibOptions } from './modes.ts'

const CREATE: Readonly<Record<string, () => Transform>> = {
  'compress gzip': () => zlib.createGzip(),
  'compress deflate': () => zlib.createDeflate(),
  'compress deflate-raw': () => zlib.createDeflateRaw(),
  // The default quality of Brotli, 11, takes a hundred times the CPU time for a few per cent fewer bytes.
  'compress brotli': () =>
    zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } }),
  // Data after the end of the compressed data is an error, as the Compression standard says.
  'decompress gzip': () => zlib.createGunzip({ rejectGarbageAfterEnd: true }),
  'decompress deflate': () => zlib.createInflate({ rejectGarbageAfterEnd: true }),
  'decompress deflate-raw': () => zlib.createInflateRaw({ rejectGarbageAfterEnd: true }),
  'decompress brotli': () => zlib.createBrotliDecompress({ rejectGarbageAfterEnd: true }),
}

/** Most zlib streams that one isolate may hold open; each has up to 256 KB of state. */
const MAX_STREAMS = 64
/** Most bytes that one chunk may grow to: a small decompression bomb must not fill this process's memory. */
const MAX_OUTPUT = 64 * 1024 * 1024
/**
 * Most bytes that the streams of node:zlib of one isolate may hold in this process: four of Brotli's default
 * quality.
 */
const MAX_MEMORY = 160 * 1024 * 1024

/** A call of the guest's node:zlib about one of its streams. */
export interface ZlibCall {
  readonly id: unknown
  /** Name of a mode of node:zlib, such as `gunzip`. */
  readonly mode: unknown
  readonly options: unknown
  /** Data to feed; null ends the stream. */
  readonly bytes: unknown
  /** Kind of flush that follows the data; a pair of numbers sets level and strategy. Default: neither. */
  readonly after: unknown
}

/** The zlib streams of one isolate. */
export class ZlibTable {
  #streams = new Map<number, Transform>()
  /** Estimated bytes that each open stream of node:zlib holds. */
  #memory = new Map<number, number>()

  /** Feeds a chunk to a zlib stream, or ends the stream if `bytes` is null. Returns the output. */
  async feed(id: unknown, kind: unknown, format: unknown, bytes: unknown): Promise<Uint8Array[]> {
    if (typeof id !== 'number' || !(bytes === null || bytes instanceof Uint8Array))
      throw new TypeError('The compression call is malformed')
    let stream = this.#streams.get(id)
    if (stream === undefined) {
      const create = CREATE[`${String(kind)} ${String(format)}`]
      if (create === undefined) throw new TypeError(`Unsupported compression format: ${String(format)}`)
      if (this.#streams.size >= MAX_STREAMS)
        throw new RangeError(`More than ${MAX_STREAMS} compression streams are open.`)
      stream = create()
      // An error of a zlib stream may come between two calls, for example for data after the end. The next
      // call reports it; without a listener it would end the process.
      stream.on('error', () => {})
      this.#streams.set(id, stream)
    }
    try {
      const chunks = await run(stream, bytes)
      if (bytes === null) this.close(id)
      return chunks
    } catch (error) {
      this.close(id)
      throw new TypeError(error instanceof Error ? error.message : 'The compressed data is not valid', {
        cause: error,
      })
    }
  }

  /**
   * Feeds a stream of the guest's node:zlib, which the first call opens. Returns the output. The guest sends
   * large data in pieces, so that apps take turns between them.
   *
   * @throws what node:zlib throws, with its `code` and `errno`.
   */
  async feedNode({ id, mode, options, bytes, after }: ZlibCall): Promise<Uint8Array[]> {
    if (
      typeof id !== 'number' ||
      typeof options !== 'object' ||
      options === null ||
      !(bytes === null || (bytes instanceof Uint8Array && bytes.buffer.byteLength <= MAX_PIECE))
    )
      throw new TypeError('The compression call is malformed')
    const stream = this.#streams.get(id) ?? this.#openNode(id, mode, options as ZlibOptions)
    try {
      const chunks = stream.readableEnded ? [] : await run(stream, bytes, after)
      if (bytes === null) this.close(id)
      return chunks
    } catch (error) {
      this.close(id)
      throw error
    }
  }

  #openNode(id: number, name: unknown, options: ZlibOptions): Transform {
    const mode = modeOf(name)
    const checked = checkedOptions(mode, options)
    const memory = memoryOf(mode, checked)
    const held = this.#memory.values().reduce((sum, one) => sum + one, memory)
    if (this.#streams.size >= MAX_STREAMS || held > MAX_MEMORY)
      throw Object.assign(
        new RangeError(
          `More than ${MAX_STREAMS} streams of zlib, or ${MAX_MEMORY} bytes of their memory, would be open ` +
            'in this isolate: end or destroy streams, or choose a lower quality.',
        ),
        { code: 'ERR_OUT_OF_RANGE' },
      )
    const stream = mode.create(checked)
    stream.on('error', () => {})
    this.#streams.set(id, stream)
    this.#memory.set(id, memory)
    return stream
  }

  close(id: unknown): void {
    this.#streams.get(id as number)?.destroy()
    this.#streams.delete(id as number)
    this.#memory.delete(id as number)
  }

  /** Frees all zlib streams of the isolate. */
  clear(): void {
    for (const id of this.#streams.keys()) this.close(id)
  }
}

function run(stream: Transform, bytes: Uint8Array | null, then?: unknown): Promise<Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let size = 0
    const done = (error?: Error | null): void => {
      stream.off('data', data).off('error', done).off('end', done)
      if (error) reject(error)
      else resolve(chunks)
    }
    const data = (chunk: Buffer): void => {
      size += chunk.byteLength
      if (size <= MAX_OUTPUT) {
        chunks.push(new Uint8Array(chunk))
        return
      }
      done(new Error(`One chunk grew to more than ${MAX_OUTPUT} bytes.`))
      stream.destroy()
    }
    stream.on('data', data).once('error', done)
    // A destroyed zlib stream would never answer, so the call fails.
    if (stream.destroyed) done(new Error('The stream is closed'))
    else if (bytes === null) stream.once('end', done).end()
    else if (bytes.byteLength === 0) follow(stream, then, done)
    else stream.write(bytes, (error) => (error ? done(error) : follow(stream, then, done)))
  })
}

/** Flushes a zlib stream, or sets its level and strategy, as the guest asks. */
function follow(stream: Transform, then: unknown, done: (error?: Error | null) => void): void {
  const deflate = stream as zlib.Deflate
  if (typeof then === 'number') deflate.flush(then, () => done())
  else if (Array.isArray(then)) setParams(deflate, then, done)
  else done()
}

function setParams(
  stream: zlib.Deflate,
  [level, strategy]: readonly unknown[],
  done: (error?: Error | null) => void,
): void {
  try {
    stream.params(Number(level), Number(strategy), (error?: Error | null) => done(error))
  } catch (error) {
    done(error as Error)
  }
}
