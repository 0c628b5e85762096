import type { BlobStore } from '../../bindings/blob.ts'
import { isUnmoorError } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import { readOptions, requireText, toInteger, toText, wrongType } from './coerce.ts'
import { cloudflareError } from './errors.ts'
import { type R2Body, type R2Sums, withChecksums } from './r2-checksums.ts'
import { conditionsHold, type R2Conditional, readConditions, readRange } from './r2-conditions.ts'
import { asInterface } from './interface.ts'
import { failure, r2, readKey } from './r2-errors.ts'
import { MultipartUpload, startUpload } from './r2-multipart.ts'
import { checkSize, type R2HttpMetadata, readMetadata, storeFacts } from './r2-facts.ts'
import { R2Object, R2ObjectBody } from './r2-object.ts'

interface GetOptions {
  onlyIf?: R2Conditional | Headers
  range?: { offset?: number; length?: number } | { suffix: number } | Headers
  ssecKey?: unknown
}
export interface PutOptions extends R2Sums {
  onlyIf?: R2Conditional | Headers
  httpMetadata?: R2HttpMetadata | Headers
  customMetadata?: Record<string, string>
  storageClass?: string
  ssecKey?: unknown
}
interface Listed {
  objects: R2Object[]
  delimitedPrefixes: string[]
}
interface ListOptions {
  limit?: number
  prefix?: string
  cursor?: string
  delimiter?: string
  startAfter?: string
  include?: ('httpMetadata' | 'customMetadata')[]
}

/**
 * Cloudflare's R2Bucket over portable blobs. A failed `onlyIf` returns null or an object without body, and
 * never throws: https://developers.cloudflare.com/r2/api/workers/workers-api-reference/
 */
export class WorkersR2 {
  #blobs: () => BlobStore
  #uploads: () => BlobStore

  constructor(blobs: () => BlobStore, uploads: () => BlobStore) {
    this.#blobs = blobs
    this.#uploads = uploads
  }

  async head(key: string): Promise<R2Object | null> {
    key = readKey(key, 'head')
    const info = await r2('head', () => this.#blobs().head(key))
    return info === null ? null : new R2Object(info, undefined, { offset: 0, length: info.size })
  }

  get(
    key: string,
    options: GetOptions & { onlyIf: R2Conditional | Headers },
  ): Promise<R2ObjectBody | R2Object | null>
  get(key: string, options?: GetOptions): Promise<R2ObjectBody | null>
  async get(key: string, given?: GetOptions): Promise<R2ObjectBody | R2Object | null> {
    const options = readR2Options(given, 'get', 2)
    key = readKey(key, 'get')
    refuseKeys(options, 'get')
    const conditions = readConditions(options.onlyIf)
    if (conditions === undefined && options.range === undefined) {
      const blob = await r2('get', () => this.#blobs().get(key))
      return blob === null ? null : new R2ObjectBody(blob)
    }
    const info = await r2('get', () => this.#blobs().head(key))
    if (info === null) return null
    const object = new R2Object(info)
    if (conditions !== undefined && !conditionsHold(conditions, object)) return object
    const range = readRange(options.range, info.size)
    try {
      // The read for R2's get requires the etag that the conditions were checked against, so an upload in
      // between is detected.
      const blob = await this.#blobs().get(key, {
        ...(range === undefined ? {} : { range }),
        ifMatch: info.etag,
      })
      return blob === null ? null : new R2ObjectBody(blob)
    } catch (error) {
      if (isUnmoorError(error, 'PreconditionFailed')) return this.get(key, options)
      throw isUnmoorError(error) ? failure('get', error) : error
    }
  }

  /** Stores an R2 object. Resolves to null only if a condition fails. */
  put(
    key: string,
    value: R2Body,
    options: PutOptions & { onlyIf: R2Conditional | Headers },
  ): Promise<R2Object | null>
  put(key: string, value: R2Body, options?: PutOptions): Promise<R2Object>
  async put(key: string, value: R2Body, given?: PutOptions): Promise<R2Object | null> {
    const options = readR2Options(given, 'put', 3)
    key = readKey(key, 'put')
    refuseKeys(options, 'put')
    const conditions = readConditions(options.onlyIf)
    const { httpMetadata, ...metadata } = readMetadata(options)
    const { content, sums } = await withChecksums(value, options)
    for (;;) {
      const current = conditions === undefined ? undefined : await r2('put', () => this.#blobs().head(key))
      if (
        conditions !== undefined &&
        !conditionsHold(
          conditions,
          current === null || current === undefined ? undefined : new R2Object(current),
        )
      ) {
        if (content instanceof ReadableStream) await content.cancel().catch(() => {})
        return null
      }
      // The write for R2's put requires the object version that the conditions were checked against.
      const guard =
        current === undefined
          ? {}
          : current === null
            ? { ifNoneMatch: '*' as const }
            : { ifMatch: current.etag }
      try {
        const customMetadata = storeFacts(metadata, sums)
        const info = await this.#blobs().put(key, content, { httpMetadata, customMetadata, ...guard })
        return new R2Object(info)
      } catch (error) {
        if (!isUnmoorError(error)) throw error
        if (error.code !== 'PreconditionFailed') throw failure('put', error)
        // A put from a stream cannot be repeated, so the concurrent write to the R2 object wins.
        if (content instanceof ReadableStream) return null
      }
    }
  }

  async delete(keys: string | readonly string[]): Promise<void> {
    const list = (Array.isArray(keys) ? keys : [keys]).map((key: unknown) => readKey(key, 'delete'))
    if (list.length > LIMITS['blob.deleteMany'])
      throw cloudflareError(
        'delete: Unspecified error (0)',
        new RangeError(`${list.length} keys are more than ${LIMITS['blob.deleteMany']}.`),
      )
    if (list.length > 0) await r2('delete', () => this.#blobs().delete(list))
  }

  async list(
    listOptions: ListOptions = {},
  ): Promise<Listed & ({ truncated: true; cursor: string } | { truncated: false })> {
    const options = readR2Options(listOptions, 'list', 1)
    const include = readInclude(options.include)
    const limit = options.limit === undefined ? LIMITS['blob.list'] : toInteger(options.limit)
    if (limit < 1 || limit > LIMITS['blob.list'])
      throw cloudflareError(
        `list: MaxKeys params must be positive integer <= ${LIMITS['blob.list']}. (10022)`,
      )
    const given = (name: 'prefix' | 'cursor' | 'delimiter' | 'startAfter'): Record<string, string> => {
      const text = requireText(options[name], name, 'ListOptions')
      return text === undefined || text === '' ? {} : { [name]: text }
    }
    const page = await r2('list', () =>
      this.#blobs().list({
        limit,
        ...given('prefix'),
        ...given('cursor'),
        ...given('delimiter'),
        ...given('startAfter'),
      }),
    )
    const shown = { http: include.includes('httpMetadata'), custom: include.includes('customMetadata') }
    const objects = page.blobs.map((info) => new R2Object(info, shown))
    const list = { objects, delimitedPrefixes: page.prefixes }
    return page.complete
      ? { ...list, truncated: false }
      : { ...list, truncated: true, cursor: page.cursor as string }
  }

  async createMultipartUpload(key: string, given?: PutOptions): Promise<MultipartUpload> {
    const options = readR2Options(given, 'createMultipartUpload', 2)
    key = readKey(key, 'createMultipartUpload')
    refuseKeys(options, 'createMultipartUpload')
    const metadata = readMetadata(options)
    checkSize(metadata, 'createMultipartUpload')
    return r2('createMultipartUpload', () => startUpload(this.#blobs(), this.#uploads(), key, metadata))
  }

  resumeMultipartUpload(key: string, uploadId: string): MultipartUpload {
    return new MultipartUpload(this.#blobs, this.#uploads, toText(key), toText(uploadId))
  }
}

asInterface(WorkersR2, 'R2Bucket', {
  async: {
    head: ['string'],
    get: ['string'],
    put: ['string', 'JsReadableStream or ArrayBuffer or ArrayBufferView or string or Blob'],
    delete: ['string or Array'],
    createMultipartUpload: ['string'],
  },
  sync: { resumeMultipartUpload: ['string', 'string'] },
})

const DICTIONARIES = {
  get: 'GetOptions',
  put: 'PutOptions',
  list: 'ListOptions',
  createMultipartUpload: 'MultipartOptions',
} as const

function readR2Options<T extends object>(
  given: T | null | undefined,
  method: keyof typeof DICTIONARIES,
  parameter: number,
): Partial<T> {
  return readOptions(given, { method, owner: 'R2Bucket', parameter, dictionary: DICTIONARIES[method] })
}

const INCLUDED: readonly unknown[] = ['httpMetadata', 'customMetadata']

/**
 * Reads the option `include` of R2's list. @throws `TypeError` if it is not an array, `RangeError` for an
 * entry that R2 does not know.
 */
function readInclude(given: unknown): readonly unknown[] {
  if (given === undefined) return []
  if (!Array.isArray(given)) throw wrongType('include', 'ListOptions', 'Array')
  const unknown: unknown = given.find((one) => !INCLUDED.includes(one))
  if (unknown !== undefined) throw new RangeError(`Unsupported include value ${toText(unknown)}`)
  return given
}

function refuseKeys(options: { ssecKey?: unknown }, operation: string): void {
  if (options.ssecKey !== undefined)
    throw cloudflareError(
      `${operation}: ssecKey is not supported outside of Cloudflare. Encrypt the body before it is put.`,
    )
}
