import { utf8Text } from './bytes.ts'
import type { BlobHttpMetadata, BlobRecord } from './drivers.ts'

/** Size, etag, time and metadata of a stored blob, without its body. */
export interface BlobInfo {
  readonly key: string
  /** Size of the whole blob in bytes. */
  readonly size: number
  /** The blob's etag: opaque, without the quotes that the HTTP header has. */
  readonly etag: string
  readonly uploaded: Date
  readonly httpMetadata: Readonly<BlobHttpMetadata>
  readonly customMetadata: Readonly<Record<string, string>>
}

/** Converts a driver's record of a blob to the {@link BlobInfo} that apps receive. */
export function blobInfo(record: BlobRecord): BlobInfo {
  return {
    key: record.key,
    size: record.size,
    etag: record.etag,
    uploaded: new Date(record.uploaded),
    httpMetadata: record.httpMetadata,
    customMetadata: record.customMetadata,
  }
}

/** A blob with its body, which can be read once. */
export class BlobObject implements BlobInfo {
  readonly key: string
  readonly size: number
  readonly etag: string
  readonly uploaded: Date
  readonly httpMetadata: Readonly<BlobHttpMetadata>
  readonly customMetadata: Readonly<Record<string, string>>
  /** The part of the blob that `body` holds; the whole blob if the read asked for no range. */
  readonly range: { readonly offset: number; readonly length: number }
  /** True if `ifNoneMatch` named the blob's current etag; the body is then null. */
  readonly notModified: boolean
  #content: ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer> | null
  #response: Response | undefined

  constructor(
    record: BlobRecord,
    content: ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer> | null,
    range?: { offset: number; length: number },
  ) {
    const info = blobInfo(record)
    this.key = info.key
    this.size = info.size
    this.etag = info.etag
    this.uploaded = info.uploaded
    this.httpMetadata = info.httpMetadata
    this.customMetadata = info.customMetadata
    this.range = range ?? { offset: 0, length: info.size }
    this.notModified = content === null
    this.#content = content
  }

  /** The bytes of the blob as a stream; null if `ifNoneMatch` named the blob's current etag. */
  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    return this.#content === null ? null : this.#reader().body
  }

  get bodyUsed(): boolean {
    return this.#response?.bodyUsed ?? false
  }

  /** Returns all bytes of the blob. The body can be read only once. */
  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#reader().arrayBuffer()
  }

  /** Returns all bytes of the blob as a Uint8Array. The body can be read only once. */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await this.arrayBuffer())
  }

  /** Returns the blob's content decoded as UTF-8. The body can be read only once. */
  async text(): Promise<string> {
    return utf8Text(await this.bytes())
  }

  /**
   * Returns the blob's content as parsed JSON. The body can be read only once. @throws `SyntaxError` if the
   * content is not JSON.
   */
  async json<T = unknown>(): Promise<T> {
    return JSON.parse(await this.text()) as T
  }

  // A blob's body is read through a Response, which provides it once, as text, bytes or a stream.
  #reader(): Response {
    return (this.#response ??= new Response(this.#content))
  }
}
