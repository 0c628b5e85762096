import type {
  BlobDriver,
  BlobHttpMetadata,
  BlobPutOptions,
  BlobRecord,
  DriverFactory,
} from '../../../core/bindings/drivers.ts'
import { precondition, toError } from './blob-errors.ts'
import { uploadStream } from './blob-upload.ts'
import { R2Uploads } from './blob-uploads.ts'
import { unwrapCursor, wrapCursor } from './cursor.ts'
import type {
  NativeR2,
  NativeR2Conditions,
  NativeR2HttpMetadata,
  NativeR2Object,
  NativeR2PutOptions,
} from './native.ts'
import { nativeOf } from './native-of.ts'

/** Driver for blob bindings on R2. */
export const blob: DriverFactory<'blob'> = (_options, context) =>
  new R2(nativeOf<NativeR2>(context, 'R2 bucket'))

class R2 implements BlobDriver {
  readonly uploads: R2Uploads
  #bucket: NativeR2

  constructor(native: NativeR2) {
    this.#bucket = native
    this.uploads = new R2Uploads(native, toRecord)
  }

  async head(key: string): Promise<BlobRecord | null> {
    try {
      const object = await this.#bucket.head(key)
      return object && toRecord(object)
    } catch (error) {
      throw toError(error)
    }
  }

  async get(key: string, options: Parameters<BlobDriver['get']>[1]): ReturnType<BlobDriver['get']> {
    const { range, ifMatch, ifNoneMatch } = options
    const onlyIf = toConditions(ifMatch, ifNoneMatch)
    try {
      const object = await this.#bucket.get(key, {
        ...(range === undefined ? {} : { range: toRange(range) }),
        ...(onlyIf === undefined ? {} : { onlyIf }),
      })
      if (object === null) return null
      const record = toRecord(object)
      if (object.body === undefined) {
        if (ifMatch !== undefined && ifMatch !== record.etag) throw precondition(key)
        return { record, body: null }
      }
      return { record, body: object.body, range: range && partOf(object) }
    } catch (error) {
      throw toError(error)
    }
  }

  async put(
    key: string,
    body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>,
    options: BlobPutOptions,
  ): Promise<BlobRecord> {
    const { httpMetadata, customMetadata, sha256, signal } = options
    const onlyIf = toConditions(options.ifMatch, options.ifNoneMatch)
    const put: NativeR2PutOptions = {
      httpMetadata,
      customMetadata,
      ...(onlyIf === undefined ? {} : { onlyIf }),
      ...(sha256 === undefined ? {} : { sha256 }),
    }
    try {
      const object =
        body instanceof Uint8Array
          ? await this.#bucket.put(key, body, put)
          : await uploadStream(this.#bucket, key, body, put, signal)
      if (object === null) throw precondition(key)
      return { ...toRecord(object), httpMetadata, customMetadata }
    } catch (error) {
      throw toError(error)
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    try {
      await this.#bucket.delete([...keys])
    } catch (error) {
      throw toError(error)
    }
  }

  async list(options: Parameters<BlobDriver['list']>[0]): ReturnType<BlobDriver['list']> {
    const { prefix, delimiter, startAfter, limit } = options
    try {
      let cursor = options.cursor === undefined ? undefined : unwrapCursor('r2', options.cursor)
      const blobs: BlobRecord[] = []
      const prefixes: string[] = []
      // R2's list returns fewer objects than asked for if metadata is included, so pages are read until the
      // limit is reached.
      do {
        const page = await this.#bucket.list({
          prefix,
          limit: limit - blobs.length - prefixes.length,
          include: ['httpMetadata', 'customMetadata'],
          ...(delimiter === undefined ? {} : { delimiter }),
          ...(startAfter === undefined || cursor !== undefined ? {} : { startAfter }),
          ...(cursor === undefined ? {} : { cursor }),
        })
        blobs.push(...page.objects.map(toRecord))
        prefixes.push(...page.delimitedPrefixes)
        cursor = page.truncated ? page.cursor : undefined
      } while (cursor !== undefined && blobs.length + prefixes.length < limit)
      return { blobs, prefixes, cursor: cursor && wrapCursor('r2', cursor) }
    } catch (error) {
      throw toError(error)
    }
  }
}

function toRecord(object: NativeR2Object): BlobRecord {
  return {
    key: object.key,
    size: object.size,
    etag: object.etag,
    uploaded: object.uploaded.getTime(),
    httpMetadata: toHttpMetadata(object.httpMetadata),
    customMetadata: { ...object.customMetadata },
  }
}

function toHttpMetadata({
  contentType,
  contentLanguage,
  contentDisposition,
  contentEncoding,
  cacheControl,
}: NativeR2HttpMetadata = {}): BlobHttpMetadata {
  // R2's metadata has an additional field (cacheExpiry) and undefined fields, so only known fields are copied
  // one by one.
  return {
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentLanguage === undefined ? {} : { contentLanguage }),
    ...(contentDisposition === undefined ? {} : { contentDisposition }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    ...(cacheControl === undefined ? {} : { cacheControl }),
  }
}

function toConditions(
  ifMatch: string | undefined,
  ifNoneMatch: string | undefined,
): NativeR2Conditions | undefined {
  if (ifMatch === undefined && ifNoneMatch === undefined) return undefined
  return {
    ...(ifMatch === undefined ? {} : { etagMatches: ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { etagDoesNotMatch: ifNoneMatch }),
  }
}

function toRange(
  range: { offset: number; length?: number | undefined } | { suffix: number },
): { offset: number; length?: number } | { suffix: number } {
  if ('suffix' in range) return range
  return range.length === undefined
    ? { offset: range.offset }
    : { offset: range.offset, length: range.length }
}

/**
 * Returns the byte range of an R2 object that a response holds. R2 echoes the requested range, which may go
 * past the end.
 */
function partOf({ range = {}, size }: NativeR2Object): { offset: number; length: number } {
  if (range.suffix !== undefined) {
    const length = Math.min(range.suffix, size)
    return { offset: size - length, length }
  }
  const offset = range.offset ?? 0
  return { offset, length: Math.min(range.length ?? size, size - offset) }
}
