import { Transform } from 'node:stream'
import * as zlib from 'node:zlib'

const { constants } = zlib
// Options of decompressors that accept incomplete data: some servers leave out the end of the compressed
// data, or send none for an empty body.
const LENIENT = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH }
const LENIENT_BROTLI = {
  flush: constants.BROTLI_OPERATION_FLUSH,
  finishFlush: constants.BROTLI_OPERATION_FLUSH,
}
const LENIENT_ZSTD = { flush: constants.ZSTD_e_flush, finishFlush: constants.ZSTD_e_flush }
const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: () => zlib.createGunzip(LENIENT),
  'x-gzip': () => zlib.createGunzip(LENIENT),
  deflate: () => new Inflate(),
  br: () => zlib.createBrotliDecompress(LENIENT_BROTLI),
  zstd: () => zlib.createZstdDecompress(LENIENT_ZSTD),
}
/**
 * Most content codings of one response body. Each decoder costs memory and time, and real responses have few.
 */
const MAX_CODINGS = 5

/**
 * Creates the decoders of a compressed response body, in the order in which the body goes through them.
 * Returns none if the body is not encoded, or encoded in an unknown way.
 */
export function createDecoders(contentEncoding: string): Transform[] {
  const codings = contentEncoding
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity')
  if (codings.length > MAX_CODINGS || !codings.every((name) => Object.hasOwn(DECODERS, name))) return []
  return codings.toReversed().map((name) => (DECODERS[name] as () => Transform)())
}

/**
 * Decoder of the content coding `deflate`, which is zlib's format. Some servers send raw deflate data
 * instead, which begins otherwise.
 */
class Inflate extends Transform {
  #inflate: Transform | undefined

  override _transform(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (chunk.byteLength === 0) return done()
    this.#begin(chunk).write(chunk, encoding, done)
  }

  override _flush(done: (error?: Error | null) => void): void {
    const inflate = this.#inflate
    if (inflate === undefined) return done()
    inflate.once('end', done).end()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#inflate?.destroy()
    done(error)
  }

  #begin(chunk: Buffer): Transform {
    if (this.#inflate !== undefined) return this.#inflate
    const isZlib = ((chunk[0] as number) & 0x0f) === 0x08
    const inflate = isZlib ? zlib.createInflate(LENIENT) : zlib.createInflateRaw(LENIENT)
    inflate.on('data', (piece: Buffer) => {
      if (!this.push(piece)) inflate.pause()
    })
    inflate.on('error', (error) => this.destroy(error))
    return (this.#inflate = inflate)
  }

  override _read(size: number): void {
    this.#inflate?.resume()
    super._read(size)
  }
}
