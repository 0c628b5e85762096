import { Blob, blobBytes, blobOf } from '../data/blob.ts'
import { isBufferSource, toUSVString, viewOf } from '../convert.ts'
import { randomHex } from '../random.ts'
import { decodeUtf8, encodeUtf8 } from '../data/encoding.ts'
import { FormData } from './form-data.ts'
import type { Headers } from './headers.ts'
import { formOf, formBytes } from './form-body.ts'
import { URLSearchParams } from '../data/search-params.ts'
import { isReadableStream, streams } from '../late.ts'
import type { Bytes, ReadableStream } from '../streams.ts'
import { structuredClone } from '../data/structured-clone.ts'

// `JSON.parse` is saved for the method `json()` of Request and Response, before tenant code can replace it.
const { parse } = JSON

/**
 * The body of a Request or Response as it was passed in. Text and bytes become a stream only when somebody
 * asks for the stream.
 */
export type BodySource = string | Bytes | ReadableStream<Bytes> | null

/**
 * Returns the body for the argument of Request's or Response's constructor, and the content type that goes
 * with it.
 */
export function extractBody(value: unknown): { source: BodySource; type: string | null } {
  if (typeof value === 'string') return { source: value, type: 'text/plain;charset=UTF-8' }
  if (isReadableStream(value)) {
    if (value.locked || streams().isDisturbed(value))
      throw new TypeError('The stream is locked or was read from')
    return { source: value as ReadableStream<Bytes>, type: null }
  }
  if (isBufferSource(value)) return { source: viewOf(value).slice(), type: null }
  if (value instanceof Blob) return { source: blobBytes(value), type: value.type === '' ? null : value.type }
  if (value instanceof URLSearchParams)
    return { source: value.toString(), type: 'application/x-www-form-urlencoded;charset=UTF-8' }
  if (value instanceof FormData) {
    const boundary = `----formdata-unmoor-${randomHex(12)}`
    return { source: formBytes(value, boundary), type: `multipart/form-data; boundary=${boundary}` }
  }
  if (isAsyncIterable(value)) return { source: fromIterable(value), type: null }
  return { source: toUSVString(value), type: 'text/plain;charset=UTF-8' }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<Bytes> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as AsyncIterable<Bytes>)[Symbol.asyncIterator] === 'function'
  )
}

function fromIterable(iterable: AsyncIterable<Bytes>): ReadableStream<Bytes> {
  return streams().ReadableStream.from(iterable)
}

/**
 * Takes a body's source in order to send the body: text, bytes, or the stream if one exists. Assigned inside
 * the class.
 */
export let takeBody: (body: Body) => BodySource
/** Sets the source of a Request's or Response's body. */
export let setBody: (body: Body, source: BodySource) => void
/**
 * Returns a second source of the same body, for `clone()`: bytes are shared, a stream is teed. @throws
 * TypeError for a body that was read.
 */
export let cloneBody: (body: Body) => BodySource
/** True if a request or response has a body, read or not. */
export let hasBody: (body: Body) => boolean
/** True if a request's or response's body was read or its stream is locked. */
export let isUnusable: (body: Body) => boolean

/** Base class of Request and Response: their body and its readers. */
export abstract class Body {
  #source: BodySource = null
  #stream: ReadableStream<Bytes> | undefined
  #used = false

  abstract get headers(): Headers

  get body(): ReadableStream<Bytes> | null {
    if (this.#source === null) return null
    if (this.#stream === undefined) {
      const source = this.#source
      if (isReadableStream(source)) this.#stream = source
      else {
        this.#stream = streams().streamOfBytes(
          typeof source === 'string' ? encodeUtf8(source) : source.slice(),
        )
        // If the body of a Request or Response was read before, its new stream is locked.
        if (this.#used) this.#stream.getReader()
      }
    }
    return this.#stream
  }

  get bodyUsed(): boolean {
    if (this.#used) return true
    const stream = this.#stream ?? this.#source
    return isReadableStream(stream) && streams().isDisturbed(stream)
  }

  #unusable(): boolean {
    if (this.bodyUsed) return true
    const stream = this.#stream ?? this.#source
    return isReadableStream(stream) && stream.locked
  }

  async #consume(): Promise<string | Bytes> {
    if (this.#unusable()) throw new TypeError('Body is unusable: it has already been read')
    if (this.#source === null) return ''
    const stream = this.#stream ?? this.#source
    // The body of a Request or Response is marked as used, so that a stream created from it later is locked.
    this.#used = true
    return isReadableStream(stream) ? streams().readBytes(stream) : stream
  }

  async #bytes(): Promise<Bytes> {
    const body = await this.#consume()
    return typeof body === 'string' ? encodeUtf8(body) : body
  }

  async text(): Promise<string> {
    const body = await this.#consume()
    // Text passed to Response or Request as a body may hold lone surrogates and a byte order mark, which
    // decoding its bytes would not return.
    return typeof body === 'string' ? body.toWellFormed().replace(/^\uFEFF/, '') : decodeUtf8(body)
  }
  async json(): Promise<unknown> {
    return parse(await this.text())
  }
  async bytes(): Promise<Bytes> {
    return (await this.#bytes()).slice()
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.#bytes()).slice().buffer
  }
  async blob(): Promise<Blob> {
    const bytes = await this.#bytes()
    return blobOf(bytes, (this.headers.get('content-type') ?? '').toLowerCase())
  }
  async formData(): Promise<FormData> {
    // `formData()` of a Request or Response keeps a byte order mark in the body.
    return formOf(this.headers.get('content-type'), await this.#consume())
  }

  static {
    takeBody = (body) => {
      if (body.#source === null) return null
      if (body.#unusable()) throw new TypeError('Body is unusable: it has already been read')
      body.#used = true
      // A body of text or bytes is sent as it is; a stream that was created from the body is locked.
      if (body.#stream === undefined || isReadableStream(body.#source)) return body.#stream ?? body.#source
      body.#stream.getReader()
      return body.#source
    }
    setBody = (body, source) => {
      body.#source = source
    }
    cloneBody = (body) => {
      if (body.#unusable()) throw new TypeError('Body is unusable: it has already been read')
      const stream = body.#stream ?? body.#source
      if (!isReadableStream(stream)) return stream
      const [own, other] = stream.tee()
      body.#stream = own
      body.#source = body.#stream
      // The two branches of a teed byte stream have separate bytes. Chunks of other streams are the same
      // objects in both branches, so the copy clones them.
      return streams().isByteStream(stream) ? other : streams().mapStream(other, structuredClone)
    }
    hasBody = (body) => body.#source !== null
    isUnusable = (body) => body.#source !== null && body.#unusable()
  }
}
