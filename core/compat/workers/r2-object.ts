import { setLength } from './known-length.ts'
import type { BlobObject, BlobInfo } from '../../bindings/blob-object.ts'
import { fromHex } from './md5.ts'
import { HTTP_FIELDS, type R2Facts, type R2HttpMetadata, readFacts, toHeaderText } from './r2-facts.ts'

const SUMS = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'] as const

export class Checksums {
  declare md5?: ArrayBuffer
  declare sha1?: ArrayBuffer
  declare sha256?: ArrayBuffer
  declare sha384?: ArrayBuffer
  declare sha512?: ArrayBuffer
  #sums: Record<string, string>

  constructor(sums: Record<string, string>) {
    this.#sums = sums
    for (const name of SUMS) {
      const bytes = sums[name] === undefined ? undefined : fromHex(sums[name])
      if (bytes !== undefined) this[name] = bytes.buffer
    }
  }

  toJSON(): Record<string, string> {
    return { ...this.#sums }
  }
}

/** Cloudflare's R2Object: metadata of an object in a bucket. */
export class R2Object {
  readonly key: string
  /** Version of the R2 object; changes with every upload. */
  readonly version: string
  readonly size: number
  readonly etag: string
  readonly uploaded: Date
  /** HTTP metadata of the R2 object; empty, like the custom metadata, in a list that does not include it. */
  readonly httpMetadata: R2HttpMetadata
  readonly customMetadata: Record<string, string>
  readonly range?: { offset: number; length: number }
  readonly storageClass: string
  readonly httpEtag: string
  readonly checksums: Checksums

  constructor(
    info: BlobInfo,
    include: { http: boolean; custom: boolean } = { http: true, custom: true },
    range?: { offset: number; length: number },
  ) {
    const { facts, customMetadata } = readFacts(info.customMetadata)
    this.key = info.key
    this.size = info.size
    this.etag = etagOf(info.etag, facts)
    this.httpEtag = `"${this.etag}"`
    this.uploaded = info.uploaded
    this.version = versionOf(info.uploaded, this.etag)
    // An R2 object from a multipart upload has no checksum of its whole content, only one of its parts.
    this.checksums = new Checksums(facts.sums?.['md5']?.includes('-') === true ? {} : (facts.sums ?? {}))
    this.storageClass = facts.class ?? 'Standard'
    this.httpMetadata = !include.http
      ? {}
      : {
          ...info.httpMetadata,
          ...facts.http,
          ...(facts.expiry === undefined ? {} : { cacheExpiry: new Date(facts.expiry) }),
        }
    this.customMetadata = include.custom ? customMetadata : {}
    if (range !== undefined) this.range = range
  }

  writeHttpMetadata(headers: Headers): void {
    const metadata = this.httpMetadata
    for (const [header, field] of HTTP_FIELDS) {
      const value = metadata[field]
      if (value !== undefined) headers.set(header, toHeaderText(value))
    }
    if (metadata.cacheExpiry !== undefined) headers.set('expires', metadata.cacheExpiry.toUTCString())
  }
}

/**
 * Returns an object's version in R2's format of 32 hexadecimal digits: the upload time, and the start of the
 * etag.
 */
function versionOf(uploaded: Date, etag: string): string {
  const digits = etag.replaceAll(/[^\da-f]/gi, '').toLowerCase()
  return uploaded.getTime().toString(16).padStart(12, '0') + digits.slice(0, 20).padEnd(20, '0')
}

/**
 * Returns the etag of an R2 object: the content's MD5, as in R2, or the backend's own etag if the MD5 was not
 * known when the object was stored (from a long stream).
 */
function etagOf(own: string, { sums }: R2Facts): string {
  return sums?.['md5'] ?? own
}

/** Cloudflare's R2ObjectBody: an object with its body, which can be read once. */
export class R2ObjectBody extends R2Object {
  #blob: BlobObject

  constructor(blob: BlobObject) {
    super(blob, undefined, { ...blob.range })
    this.#blob = blob
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> {
    // The portable blob has a body: it is missing only if a condition failed, and then no R2ObjectBody is
    // created.
    const body = this.#blob.body as ReadableStream<Uint8Array<ArrayBuffer>>
    setLength(body, this.range?.length ?? this.size)
    return body
  }

  get bodyUsed(): boolean {
    return this.#blob.bodyUsed
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#once(() => this.#blob.arrayBuffer())
  }

  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#once(() => this.#blob.bytes())
  }

  text(): Promise<string> {
    return this.#once(() => this.#blob.text())
  }

  json<T = unknown>(): Promise<T> {
    return this.#once(() => this.#blob.json<T>())
  }

  async blob(): Promise<Blob> {
    return new Blob([await this.arrayBuffer()], { type: this.httpMetadata.contentType ?? '' })
  }

  #once<T>(read: () => Promise<T>): Promise<T> {
    if (!this.bodyUsed) return read()
    return Promise.reject(
      new TypeError(
        'Body has already been used. It can only be used once. Use tee() first if you need to read it twice.',
      ),
    )
  }
}
