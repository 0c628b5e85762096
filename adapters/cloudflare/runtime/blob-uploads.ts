import type { BlobRecord, BlobUploads } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { toError } from './blob-errors.ts'
import type { NativeR2, NativeR2Object } from './native.ts'

/** Multipart uploads of a blob binding, through R2's own multipart API. */
export class R2Uploads implements BlobUploads {
  #bucket: NativeR2
  #toRecord: (object: NativeR2Object) => BlobRecord

  constructor(bucket: NativeR2, toRecord: (object: NativeR2Object) => BlobRecord) {
    this.#bucket = bucket
    this.#toRecord = toRecord
  }

  async start(key: string, metadata: Parameters<BlobUploads['start']>[1]): Promise<string> {
    return this.#try(key, async () => (await this.#bucket.createMultipartUpload(key, metadata)).uploadId)
  }

  async put(key: string, id: string, part: number, body: Uint8Array<ArrayBuffer>): Promise<string> {
    return this.#try(
      key,
      async () => (await this.#bucket.resumeMultipartUpload(key, id).uploadPart(part, body)).etag,
    )
  }

  async complete(
    key: string,
    id: string,
    parts: readonly { part: number; etag: string }[],
  ): Promise<BlobRecord> {
    const listed = parts.map(({ part, etag }) => ({ partNumber: part, etag }))
    const done = await this.#try(key, () => this.#bucket.resumeMultipartUpload(key, id).complete(listed))
    // R2's complete() returns no metadata, so the metadata of the uploaded object is read.
    return this.#toRecord((await this.#bucket.head(key)) ?? done)
  }

  async abort(key: string, id: string): Promise<void> {
    try {
      await this.#try(key, () => this.#bucket.resumeMultipartUpload(key, id).abort())
    } catch (error) {
      if (!(error instanceof UnmoorError && error.code === 'NotFound')) throw error
    }
  }

  async #try<T>(key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const known = toError(error)
      const number = /\((\d{5})\)\s*$/.exec(known.message)?.[1] ?? ''
      // 10024 is R2's error NoSuchUpload.
      if (number === '10024')
        throw new UnmoorError(
          'NotFound',
          `There is no such upload of ${JSON.stringify(key)}, or it has ended.`,
          {
            details: { kind: 'upload' },
            cause: known.cause,
          },
        )
      // 10025, 10011 and 10048 are R2's errors InvalidPart, EntityTooSmall and BadUpload.
      if (number === '10025' || number === '10011' || number === '10048')
        throw new UnmoorError('InvalidArgument', known.message, { cause: known.cause })
      throw known
    }
  }
}
