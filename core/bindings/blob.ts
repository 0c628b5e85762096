import { invalidArgument, limitExceeded, UnmoorError } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { checkConditions, checkMetadata, checkRange, checkSignal, toContent } from './blob-checks.ts'
import { BlobObject, blobInfo, type BlobInfo } from './blob-object.ts'
import {
  type BlobPart,
  type BlobUpload,
  checkPartNumber,
  checkParts,
  checkUpload,
  partBytes,
} from './blob-upload.ts'
import type { BodyInput } from './bytes.ts'
import type { BlobDriver, BlobHttpMetadata, BlobRange, BlobUploads } from './drivers.ts'
import { checkKey, checkPageSize, checkText } from './keys.ts'
import { run, type Where } from './operation.ts'
import type { NativeBinding } from './native.ts'
import { checkOptions } from './options.ts'

/** Names of the options that each method of a blob store takes. */
const OPTIONS = {
  get: ['range', 'ifMatch', 'ifNoneMatch', 'signal'],
  put: ['contentType', 'httpMetadata', 'customMetadata', 'ifMatch', 'ifNoneMatch', 'sha256', 'signal'],
  list: ['prefix', 'delimiter', 'startAfter', 'cursor', 'limit'],
  copy: ['ifMatch', 'ifNoneMatch'],
  startUpload: ['contentType', 'httpMetadata', 'customMetadata'],
  signedUrl: ['method', 'expiresIn'],
} as const

/** Options of {@link BlobStore.get}. */
export interface BlobGetOptions {
  /** Byte range of a blob to read: `{ offset, length? }` or `{ suffix }`. Default: the whole blob. */
  range?: BlobRange
  /** Etag that the blob must have; otherwise the read fails with `PreconditionFailed`. */
  ifMatch?: string
  /**
   * Etag of the caller's copy of a blob. While the blob still has it, no body is returned (`notModified`).
   */
  ifNoneMatch?: string
  signal?: AbortSignal
}

/** Options of {@link BlobStore.put}. */
export interface BlobPutOptions {
  /** The blob's media type: short for `httpMetadata.contentType`. */
  contentType?: string
  httpMetadata?: BlobHttpMetadata
  /** Custom metadata of the blob: at most 2,048 bytes of keys and values together. Default: none. */
  customMetadata?: Record<string, string>
  /** Etag that the blob to replace must have; otherwise the put fails with `PreconditionFailed`. */
  ifMatch?: string
  /** If `*`, the blob is stored only if no blob has this key. */
  ifNoneMatch?: '*'
  /**
   * Hex SHA-256 of the blob's body. If the body has another hash, the put throws `ChecksumMismatch` and
   * stores nothing.
   */
  sha256?: string
  signal?: AbortSignal
}

/** Options of {@link BlobStore.copy}: the same conditions as a put has. */
export type BlobCopyOptions = Pick<BlobPutOptions, 'ifMatch' | 'ifNoneMatch'>

/** Options of {@link BlobStore.list}. */
export interface BlobListOptions {
  prefix?: string
  /**
   * Groups keys of a blob list by their part between the prefix and this delimiter, and lists the groups in
   * `prefixes`.
   */
  delimiter?: string
  /** Lists only blobs whose keys sort after this one. For the first page only; later pages use `cursor`. */
  startAfter?: string
  cursor?: string
  /** Maximum number of blobs and prefixes in a page of a list, 1 to 1,000. Default: 1,000. */
  limit?: number
}

/** A page of a list of blobs. */
export interface BlobList {
  blobs: BlobInfo[]
  prefixes: string[]
  complete: boolean
  cursor?: string
}

/**
 * A store of blobs, strongly consistent. Keys are 1 to 1,024 bytes of well-formed text, not `.` or `..`.
 * Etags change whenever the content does, but equal content may have an equal etag: an app that compares and
 * swaps by etag puts a nonce into the content.
 */
export class BlobStore {
  /**
   * The platform's own binding (Cloudflare's `R2Bucket`), typed by `import 'unmoor/cloudflare/native'`;
   * undefined on other targets.
   */
  declare readonly native: NativeBinding<'blob'>
  #driver: BlobDriver
  #binding: string

  constructor(driver: BlobDriver, options: { binding: string }) {
    this.#driver = driver
    this.#binding = options.binding
  }

  /**
   * Returns size, etag and metadata of a blob without its body, or null if there is no such blob.
   *
   * @example
   * ```ts
   * const info = await env.photos.head('cat.jpg')
   * console.log(info?.size, info?.etag)
   * ```
   */
  async head(key: string): Promise<BlobInfo | null> {
    const where = this.#where('head')
    checkKey(key, where, 'blob.key', LIMITS['blob.key'])
    const record = await run(where, () => this.#driver.head(key))
    return record === null ? null : blobInfo(record)
  }

  /**
   * Returns a blob with its body, or null if there is no such blob.
   *
   * @throws `PreconditionFailed` if `ifMatch` fails; `RangeNotSatisfiable` for an empty range, or one that
   * begins at or after the end.
   *
   * @example
   * ```ts
   * const photo = await env.photos.get('cat.jpg')
   * if (photo === null) return new Response('Not found', { status: 404 })
   * return new Response(photo.body, { headers: { etag: photo.etag } })
   * ```
   */
  async get(key: string, options: BlobGetOptions = {}): Promise<BlobObject | null> {
    const where = this.#where('get')
    checkKey(key, where, 'blob.key', LIMITS['blob.key'])
    checkOptions(options, OPTIONS.get, where)
    if (options.range !== undefined) checkRange(options.range, where)
    checkSignal(options.signal, where)
    const found = await run(where, () => this.#driver.get(key, options))
    return found === null ? null : new BlobObject(found.record, found.body, found.range)
  }

  /**
   * Stores a blob, all or nothing.
   *
   * @throws `PreconditionFailed` if a condition fails, `ChecksumMismatch`, `LimitExceeded`, `Aborted` if the
   * source stream or the signal ends it; the old blob stays.
   *
   * @example
   * ```ts
   * const { etag } = await env.photos.put('cat.jpg', request.body ?? '', {
   *   contentType: 'image/jpeg',
   *   customMetadata: { owner: 'ada' },
   *   ifNoneMatch: '*',
   * })
   * ```
   */
  async put(key: string, body: BodyInput, options: BlobPutOptions = {}): Promise<BlobInfo> {
    const where = this.#where('put')
    checkKey(key, where, 'blob.key', LIMITS['blob.key'])
    checkOptions(options, OPTIONS.put, where)
    const { httpMetadata, customMetadata } = checkMetadata(options, where)
    const conditions = checkConditions(options, where)
    checkSignal(options.signal, where)
    const content = toContent(body, where)
    const sha256 = options.sha256?.toLowerCase()
    if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256))
      throw invalidArgument(where, `${this.#binding}.put: sha256 is 64 hex digits.`)
    const record = await run(where, () =>
      this.#driver.put(key, content, {
        httpMetadata,
        customMetadata,
        ...conditions,
        sha256,
        signal: options.signal,
      }),
    )
    return blobInfo(record)
  }

  /**
   * Removes a blob, or up to 1,000 blobs. A missing blob is no error. If some cannot be removed, `indexes` of
   * the error's details tells which.
   *
   * @example
   * ```ts
   * await env.photos.delete(['cat.jpg', 'dog.jpg'])
   * ```
   */
  async delete(keys: string | readonly string[]): Promise<void> {
    const where = this.#where('delete')
    const list = typeof keys === 'string' ? [keys] : [...keys]
    if (list.length > LIMITS['blob.deleteMany'])
      throw limitExceeded(where, 'blob.deleteMany', list.length, LIMITS['blob.deleteMany'])
    for (const key of list) checkKey(key, where, 'blob.key', LIMITS['blob.key'])
    if (list.length > 0) await run(where, () => this.#driver.delete(list))
  }

  /**
   * Lists blobs in UTF-8 byte order of their keys, with their metadata.
   *
   * @example
   * ```ts
   * const { blobs, prefixes, cursor } = await env.photos.list({ prefix: '2026/', delimiter: '/' })
   * ```
   */
  async list(options: BlobListOptions = {}): Promise<BlobList> {
    const where = this.#where('list')
    checkOptions(options, OPTIONS.list, where)
    const { prefix = '', delimiter, startAfter, cursor } = options
    for (const [name, value] of Object.entries({ prefix, delimiter, startAfter, cursor })) {
      if (value === undefined) continue
      if (typeof value !== 'string' || (value === '' && name !== 'prefix'))
        throw invalidArgument(where, `${this.#binding}.list: ${name} is a non-empty string.`)
      checkText(value, where, name)
    }
    const limit = checkPageSize(options.limit, where, 'blob.list', LIMITS['blob.list'])
    const page = await run(where, () => this.#driver.list({ prefix, delimiter, startAfter, cursor, limit }))
    const result = { blobs: page.blobs.map(blobInfo), prefixes: page.prefixes }
    return page.cursor === undefined
      ? { ...result, complete: true }
      : { ...result, complete: false, cursor: page.cursor }
  }

  /**
   * Stores a copy of a blob, with its metadata, under another key. The conditions apply to the blob under the
   * new key.
   *
   * @throws `NotFound` (kind `blob`) if there is no blob to copy; else as {@link put}.
   *
   * @example
   * ```ts
   * await env.photos.copy('draft.jpg', 'cat.jpg', { ifNoneMatch: '*' })
   * ```
   */
  async copy(from: string, to: string, options: BlobCopyOptions = {}): Promise<BlobInfo> {
    const where = this.#where('copy')
    checkKey(from, where, 'blob.key', LIMITS['blob.key'])
    checkKey(to, where, 'blob.key', LIMITS['blob.key'])
    checkOptions(options, OPTIONS.copy, where)
    const conditions = checkConditions(options, where)
    const source = await run(where, () => this.#driver.get(from, {}))
    if (!source?.body)
      throw new UnmoorError('NotFound', `${this.#binding}.copy: there is no blob ${JSON.stringify(from)}.`, {
        ...where,
        details: { kind: 'blob' },
      })
    const { body, record } = source
    const { httpMetadata, customMetadata } = record
    return blobInfo(
      await run(where, () => this.#driver.put(to, body, { httpMetadata, customMetadata, ...conditions })),
    )
  }

  /**
   * Begins a blob upload in parts and returns it as plain data, so that later requests can go on with it.
   * Readers see nothing of it before {@link completeUpload}. An upload that is never ended is removed after a
   * week or more.
   *
   * @throws `Unsupported` (`blob.multipart`) if the driver has no such uploads.
   *
   * @example
   * ```ts
   * const upload = await env.photos.startUpload('film.mp4', { contentType: 'video/mp4' })
   * const first = await env.photos.uploadPart(upload, 1, new Uint8Array(5 * 1024 * 1024))
   * const last = await env.photos.uploadPart(upload, 2, 'the end')
   * await env.photos.completeUpload(upload, [first, last])
   * ```
   */
  async startUpload(
    key: string,
    options: Pick<BlobPutOptions, 'contentType' | 'httpMetadata' | 'customMetadata'> = {},
  ): Promise<BlobUpload> {
    const where = this.#where('startUpload')
    checkKey(key, where, 'blob.key', LIMITS['blob.key'])
    checkOptions(options, OPTIONS.startUpload, where)
    const metadata = checkMetadata(options, where)
    const uploads = this.#uploads(where)
    return { key, id: await run(where, () => uploads.start(key, metadata)) }
  }

  /**
   * Stores a part of a blob upload, 1 to 10,000, in any order; it replaces an earlier part of the same
   * number. All parts but the last must be equally long, 5 MiB to 100 MiB, and the last must be no longer.
   *
   * @throws `NotFound` (kind `upload`) if the upload has ended; `InvalidArgument`, `LimitExceeded`.
   */
  async uploadPart(
    upload: BlobUpload,
    part: number,
    body: BodyInput,
    options: { signal?: AbortSignal } = {},
  ): Promise<BlobPart> {
    const where = this.#where('uploadPart')
    checkUpload(upload, where)
    checkPartNumber(part, where)
    checkSignal(options.signal, where)
    const uploads = this.#uploads(where)
    const bytes = await partBytes(body, where)
    const etag = await run(where, () => uploads.put(upload.key, upload.id, part, bytes, options.signal))
    return { part, etag, size: bytes.byteLength }
  }

  /**
   * Joins these parts of an upload, in the order of their numbers, to the blob that replaces what the key
   * held before. @throws as {@link uploadPart}; `InvalidArgument` for a part that was replaced.
   */
  async completeUpload(upload: BlobUpload, parts: readonly BlobPart[]): Promise<BlobInfo> {
    const where = this.#where('completeUpload')
    checkUpload(upload, where)
    const sorted = checkParts(parts, where)
    const uploads = this.#uploads(where)
    return blobInfo(await run(where, () => uploads.complete(upload.key, upload.id, sorted)))
  }

  /**
   * Ends a blob upload in parts without storing the blob, and removes its parts. An upload that has ended
   * already is no error.
   *
   * @example
   * ```ts
   * const upload = await env.photos.startUpload('film.mp4')
   * try {
   *   await env.photos.completeUpload(upload, [await env.photos.uploadPart(upload, 1, request.body ?? '')])
   * } catch (error) {
   *   await env.photos.abortUpload(upload)
   *   throw error
   * }
   * ```
   */
  async abortUpload(upload: BlobUpload): Promise<void> {
    const where = this.#where('abortUpload')
    checkUpload(upload, where)
    const uploads = this.#uploads(where)
    await run(where, () => uploads.abort(upload.key, upload.id))
  }

  /**
   * Returns a URL that lets anybody read (`GET`, default) or write (`PUT`) this one blob without passing
   * through the app, for `expiresIn` seconds (1 to 604,800).
   *
   * @throws `Unsupported` (`blob.signedUrls`) if the driver has none: serve the blob by a route of the app
   * then.
   *
   * @example
   * ```ts
   * const url = await env.photos.signedUrl('cat.jpg', { method: 'PUT', expiresIn: 600 })
   * ```
   */
  async signedUrl(key: string, options: { method?: 'GET' | 'PUT'; expiresIn: number }): Promise<string> {
    const where = this.#where('signedUrl')
    checkKey(key, where, 'blob.key', LIMITS['blob.key'])
    checkOptions(options, OPTIONS.signedUrl, where)
    const { method = 'GET', expiresIn } = options ?? {}
    if (method !== 'GET' && method !== 'PUT')
      throw invalidArgument(where, `${this.#binding}.signedUrl: method is GET or PUT.`)
    if (typeof expiresIn !== 'number' || !Number.isInteger(expiresIn) || expiresIn < 1)
      throw invalidArgument(where, `${this.#binding}.signedUrl: expiresIn is whole seconds from 1.`)
    if (expiresIn > LIMITS['blob.signedUrl'])
      throw limitExceeded(where, 'blob.signedUrl', expiresIn, LIMITS['blob.signedUrl'])
    const sign = this.#driver.signedUrl?.bind(this.#driver)
    if (sign === undefined)
      throw unsupported(where, 'blob.signedUrls', 'Serve the blob by a route of the app.')
    return run(where, () => sign(key, method, expiresIn))
  }

  #uploads(where: Where): BlobUploads {
    const { uploads } = this.#driver
    if (uploads === undefined)
      throw unsupported(where, 'blob.multipart', 'put() takes a stream of any length.')
    return uploads
  }

  #where(operation: string): Where {
    return { binding: this.#binding, operation }
  }
}

function unsupported(
  where: Where,
  capability: 'blob.multipart' | 'blob.signedUrls',
  hint: string,
): UnmoorError {
  return new UnmoorError(
    'Unsupported',
    `${where.binding}.${where.operation}: this store has no such thing. ${hint}`,
    { ...where, details: { capability } },
  )
}
