import type { BlobStore } from '../../bindings/blob.ts'
import { utf8 } from '../../bindings/bytes.ts'
import { isUnmoorError, UnmoorError } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import { toInteger, toText, wrongArgument } from './coerce.ts'
import { cloudflareError } from './errors.ts'
import { type R2Body, md5Of, withChecksums } from './r2-checksums.ts'
import { fromHex } from './md5.ts'
import { failure, readKey } from './r2-errors.ts'
import { type R2Metadata, storeFacts } from './r2-facts.ts'
import { R2Object } from './r2-object.ts'

interface UploadedPart {
  partNumber: number
  etag: string
}

/**
 * Starts an R2 multipart upload. Until the upload is complete, its data lies in a separate store: metadata
 * under `ID/upload`, parts under `ID/00001` and so on.
 */
export async function startUpload(
  blobs: BlobStore,
  uploads: BlobStore,
  key: string,
  metadata: R2Metadata,
): Promise<MultipartUpload> {
  const start = crypto.randomUUID().replaceAll('-', '')
  const uploadId = start + markOf(start, key)
  await uploads.put(`${uploadId}/upload`, JSON.stringify({ key, ...metadata }))
  return new MultipartUpload(
    () => blobs,
    () => uploads,
    key,
    uploadId,
  )
}

/**
 * Cloudflare's R2MultipartUpload. `complete` writes the object in one put, so that readers see the whole
 * object or nothing.
 */
export class MultipartUpload {
  readonly key: string
  readonly uploadId: string
  #blobs: () => BlobStore
  #uploads: () => BlobStore

  constructor(blobs: () => BlobStore, uploads: () => BlobStore, key: string, uploadId: string) {
    this.key = key
    this.uploadId = uploadId
    this.#blobs = blobs
    this.#uploads = uploads
  }

  async uploadPart(
    partNumber: number,
    value: R2Body,
    options: { ssecKey?: unknown } = {},
  ): Promise<UploadedPart> {
    if (options.ssecKey !== undefined)
      throw cloudflareError(
        'uploadPart: ssecKey is not supported outside of Cloudflare. Encrypt the body before it is put.',
      )
    partNumber = toInteger(partNumber)
    checkPartNumber(partNumber)
    if (value === null || value === undefined)
      throw wrongArgument('R2MultipartUpload', 'uploadPart', 2, 'ReadableStream or string')
    await this.#metadata('uploadPart')
    const { content, sums } = await withChecksums(value, {})
    // Each uploaded part of an R2 object gets a unique etag, so that `complete` notices if the part was
    // uploaded again.
    const etag = crypto.randomUUID().replaceAll('-', '')
    await this.#uploads().put(this.#part(partNumber), content, { customMetadata: { ...sums, etag } })
    return { partNumber, etag }
  }

  /**
   * Aborts the R2 multipart upload. Also succeeds after the upload was completed or aborted, but refuses an
   * upload id that was never issued.
   */
  async abort(): Promise<void> {
    readKey(this.key, 'abortMultipartUpload')
    this.#checkId('abortMultipartUpload')
    await this.#remove()
  }

  /** Refuses an R2 upload id that was never issued for the object's key. */
  #checkId(operation: string): void {
    const start = this.uploadId.slice(0, 32)
    if (this.uploadId !== start + markOf(start, this.key))
      throw cloudflareError(
        `${operation}: We encountered an internal error. Please try again. (10001)`,
        new UnmoorError('NotFound', `The key "${this.key}" has no upload "${this.uploadId}".`),
      )
  }

  async complete(parts: readonly UploadedPart[]): Promise<R2Object> {
    if (!Array.isArray(parts)) throw wrongArgument('R2MultipartUpload', 'complete', 1, 'Array')
    for (const { partNumber } of parts) checkPartNumber(toInteger(partNumber))
    readKey(this.key, 'completeMultipartUpload')
    // R2 upload ids of an earlier version of unmoor lack the half that depends on the key, so an id is
    // checked only if no stored upload is found.
    const { httpMetadata, ...metadata } = await this.#metadata('completeMultipartUpload').catch(
      (error: unknown) => {
        this.#checkId('completeMultipartUpload')
        throw error
      },
    )
    const given = parts.map(({ partNumber, etag }) => ({
      partNumber: toInteger(partNumber),
      etag: toText(etag),
    }))
    const ordered = given.toSorted((a, b) => a.partNumber - b.partNumber)
    if (new Set(ordered.map(({ partNumber }) => partNumber)).size < ordered.length)
      throw cloudflareError(
        'completeMultipartUpload: We encountered an internal error. Please try again. (10001)',
        new RangeError('A part number is named twice.'),
      )
    const found = await Promise.all(
      ordered.map(({ partNumber }) => this.#uploads().head(this.#part(partNumber))),
    )
    const sums: string[] = []
    for (const [index, { etag }] of ordered.entries()) {
      const info = found[index]
      const sum = info?.customMetadata['md5'] ?? info?.etag
      // Uploaded parts of R2 objects that an earlier release of unmoor stored have their checksum as their
      // etag.
      const own = info?.customMetadata['etag'] ?? sum
      if (sum === undefined || own !== etag)
        throw cloudflareError(
          'completeMultipartUpload: One or more of the specified parts could not be found. (10025)',
        )
      sums.push(sum)
    }
    const sizes = new Map(ordered.map(({ partNumber }, index) => [partNumber, found[index]?.size ?? 0]))
    checkLeast(given.map(({ partNumber }) => sizes.get(partNumber) ?? 0))
    checkSame([...sizes.values()])
    const hex = md5Of(Uint8Array.from(sums.flatMap((sum) => [...(fromHex(sum) ?? [])])))
    const customMetadata = storeFacts(metadata, { md5: `${hex}-${parts.length}` })
    const body =
      parts.length === 0
        ? new Uint8Array(0)
        : this.#join(ordered.map(({ partNumber }) => this.#part(partNumber)))
    try {
      const info = await this.#blobs().put(this.key, body, { httpMetadata, customMetadata })
      await this.#remove()
      return new R2Object(info)
    } catch (error) {
      throw isUnmoorError(error) ? failure('completeMultipartUpload', error) : error
    }
  }

  #part(number: number): string {
    return `${this.uploadId}/${String(number).padStart(5, '0')}`
  }

  async #metadata(operation: string): Promise<R2Metadata> {
    readKey(this.key, operation)
    const text = await this.#uploads().get(`${this.uploadId}/upload`)
    const upload = text === null ? undefined : await text.json<R2Metadata & { key: string }>()
    if (upload === undefined || upload.key !== this.key)
      throw cloudflareError(`${operation}: The specified multipart upload does not exist. (10024)`)
    return upload
  }

  /**
   * Returns a stream of all uploaded parts of an R2 object in order; each part is opened when its turn comes.
   */
  #join(keys: string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
    let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined
    return new ReadableStream({
      pull: async (controller) => {
        for (;;) {
          if (reader === undefined) {
            const key = keys.shift()
            if (key === undefined) return controller.close()
            const part = await this.#uploads().get(key)
            if (part?.body === null || part?.body === undefined)
              throw new UnmoorError(
                'NotFound',
                `The part ${key} is gone: another call completed or aborted the upload.`,
              )
            reader = part.body.getReader()
          }
          const { done, value } = await reader.read()
          if (!done) return controller.enqueue(value)
          reader = undefined
        }
      },
      cancel: (reason) => reader?.cancel(reason),
    })
  }

  async #remove(): Promise<void> {
    let page = await this.#uploads().list({ prefix: `${this.uploadId}/` })
    for (;;) {
      await this.#uploads().delete(page.blobs.map(({ key }) => key))
      if (page.complete) return
      page = await this.#uploads().list({ prefix: `${this.uploadId}/` })
    }
  }
}

function checkPartNumber(partNumber: number): void {
  const last = LIMITS['blob.parts']
  if (partNumber < 1 || partNumber > last)
    throw new TypeError(
      `Part number must be between 1 and ${last} (inclusive). Actual value was: ${partNumber}`,
    )
}

/** Returns the second half of an R2 upload id, which depends on the object's key. */
function markOf(start: string, key: string): string {
  return md5Of(utf8(`${start}\0${key}`))
}

/**
 * Checks that all parts of an R2 upload but the last in the caller's order have at least 5 MiB, as R2 does.
 */
function checkLeast(sizes: readonly number[]): void {
  if (sizes.slice(0, -1).some((size) => size < LIMITS['blob.part.min']))
    throw cloudflareError(
      'completeMultipartUpload: Your proposed upload is smaller than the minimum allowed object size. ' +
        '(10011)',
    )
}

/**
 * Checks that all parts of an R2 upload have the same size, except the one with the highest number, which may
 * be smaller.
 */
function checkSame(sizes: readonly number[]): void {
  const [first = Infinity, ...rest] = sizes
  const last = rest.pop() ?? 0
  if (
    rest.some((size) => size !== first) ||
    last > first ||
    (sizes.length > 1 && first < LIMITS['blob.part.min'])
  )
    throw cloudflareError('completeMultipartUpload: There was a problem with the multipart upload. (10048)')
}
