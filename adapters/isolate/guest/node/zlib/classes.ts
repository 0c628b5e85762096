/** The stream classes of `node:zlib`, over the package readable-stream. */
import stream from 'readable-stream'
import { Buffer } from '../buffer.ts'
import type { Bytes } from '../crypto/host.ts'
import { bytesOf, call, hostOptions, HostStream, type Mode, type Options } from './host.ts'

type Done = (error?: unknown) => void

const Z_FULL_FLUSH = 3
const BROTLI_OPERATION_FLUSH = 1

/** A stream of `node:zlib`. Its work is done by the engine, piece by piece as the reader asks. */
export class ZlibBase extends stream.Transform {
  #mode: Mode
  #options: Options
  #host: HostStream
  #wake: (() => void) | undefined
  #isBroken = false
  /** What follows the data at each write without data. */
  readonly #pending: (number | readonly number[])[] = []

  constructor(mode: Mode, options?: unknown) {
    const sent = hostOptions(options)
    // The engine refuses options out of range here rather than with the first data, as Node does.
    if (Object.keys(sent).length > 0) call('check', mode, null, sent)
    super(options as object | undefined)
    this.#mode = mode
    this.#options = sent
    this.#host = new HostStream(mode, sent)
  }

  /** Number of bytes that the stream has taken in. */
  get bytesWritten(): number {
    return this.#host.bytesWritten
  }

  override _transform(chunk: unknown, _encoding: string, done: Done): void {
    void this.#run(bytesOf(chunk), done)
  }

  override _flush(done: Done): void {
    void this.#finish(done)
  }

  override _read(size: number): void {
    this.#wake?.()
    super._read(size)
  }

  override _destroy(error: unknown, done: Done): void {
    this.#isBroken = true
    this.#wake?.()
    this.#host.close()
    super._destroy(error, done)
  }

  /** Flushes what is pending, after the data written so far. Default kind: `Z_FULL_FLUSH`. */
  flush(kind?: number | Done, callback?: Done): void {
    const done = typeof kind === 'function' ? kind : callback
    const isDeflate = !/brotli|zstd/.test(this.#mode)
    const flush = typeof kind === 'number' ? kind : isDeflate ? Z_FULL_FLUSH : BROTLI_OPERATION_FLUSH
    if (this.writableEnded) {
      if (done !== undefined) this.once('end', done)
      return
    }
    this.#follow(flush, done)
  }

  /** Sets the level and the strategy of what is written from now on. Deflate only, as on Node. */
  params(level: number, strategy: number, callback?: Done): void {
    call('check', this.#mode, null, { ...this.#options, level, strategy })
    this.#follow([level, strategy], callback)
  }

  /** Sets the stream back to its beginning, for data of another stream. */
  reset(): void {
    this.#host.close()
    this.#host = new HostStream(this.#mode, this.#options)
  }

  close(callback?: Done): void {
    if (callback !== undefined) {
      if (this.destroyed) queueMicrotask(callback)
      else this.once('close', callback)
    }
    this.destroy()
  }

  // A write without data takes its turn after the writes before it.
  #follow(then: number | readonly number[], done: Done | undefined): void {
    this.#pending.push(then)
    this.write(Buffer.alloc(0), done)
  }

  async #run(bytes: Bytes, done: Done): Promise<void> {
    let failure: unknown
    try {
      const then = bytes.byteLength === 0 ? this.#pending.shift() : undefined
      for await (const chunks of this.#host.feed(bytes, then)) await this.#deliver(chunks)
    } catch (error) {
      failure = error
    }
    if (!this.#isBroken) done(failure)
  }

  async #finish(done: Done): Promise<void> {
    let failure: unknown
    try {
      await this.#deliver(await this.#host.end())
    } catch (error) {
      failure = error
    }
    if (!this.#isBroken) done(failure)
  }

  // Waits until the reader asks for more, so that a small decompression bomb does not fill the isolate.
  async #deliver(chunks: readonly Bytes[]): Promise<void> {
    for (const chunk of chunks) {
      if (this.#isBroken) return
      if (this.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))) continue
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }
}

type ZlibClass = new (options?: unknown) => ZlibBase

function createClass(name: string, mode: Mode): ZlibClass {
  const made = class extends ZlibBase {
    constructor(options?: unknown) {
      super(mode, options)
    }
  }
  return Object.defineProperty(made, 'name', { value: name, configurable: true })
}

export const Gzip: ZlibClass = /* @__PURE__ */ createClass('Gzip', 'gzip')
export const Gunzip: ZlibClass = /* @__PURE__ */ createClass('Gunzip', 'gunzip')
export const Deflate: ZlibClass = /* @__PURE__ */ createClass('Deflate', 'deflate')
export const DeflateRaw: ZlibClass = /* @__PURE__ */ createClass('DeflateRaw', 'deflateRaw')
export const Inflate: ZlibClass = /* @__PURE__ */ createClass('Inflate', 'inflate')
export const InflateRaw: ZlibClass = /* @__PURE__ */ createClass('InflateRaw', 'inflateRaw')
export const Unzip: ZlibClass = /* @__PURE__ */ createClass('Unzip', 'unzip')
export const BrotliCompress: ZlibClass = /* @__PURE__ */ createClass('BrotliCompress', 'brotliCompress')
export const BrotliDecompress: ZlibClass = /* @__PURE__ */ createClass('BrotliDecompress', 'brotliDecompress')
export const ZstdCompress: ZlibClass = /* @__PURE__ */ createClass('ZstdCompress', 'zstdCompress')
export const ZstdDecompress: ZlibClass = /* @__PURE__ */ createClass('ZstdDecompress', 'zstdDecompress')
