import type { BlobRecord, BlobUploads } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { escapeXml } from '../aws/xml.ts'
import { type S3Api, type S3Request, unquote } from './api.ts'
import { toHeaders } from './metadata.ts'
import { objectName } from './names.ts'

/**
 * Blob uploads in parts are S3's own multipart uploads. An upload that is never finished stays until a
 * lifecycle rule of the bucket removes it (AbortIncompleteMultipartUpload).
 */
export class S3Uploads implements BlobUploads {
  #api: S3Api
  #prefix: string
  #head: (key: string) => Promise<BlobRecord | null>

  constructor(api: S3Api, prefix: string, head: (key: string) => Promise<BlobRecord | null>) {
    this.#api = api
    this.#prefix = prefix
    this.#head = head
  }

  async start(
    key: string,
    { httpMetadata, customMetadata }: Parameters<BlobUploads['start']>[1],
  ): Promise<string> {
    const { name, cut } = objectName(this.#prefix, key)
    const { root } = await this.#api.xml({
      operation: 'CreateMultipartUpload',
      method: 'POST',
      name,
      query: { uploads: '' },
      headers: toHeaders(httpMetadata, customMetadata, cut ? key : undefined),
      write: true,
      repeatable: true,
    })
    return root.text('UploadId') ?? ''
  }

  async put(
    key: string,
    id: string,
    part: number,
    body: Uint8Array<ArrayBuffer>,
    signal?: AbortSignal,
  ): Promise<string> {
    const { headers } = await this.#try(key, () =>
      this.#api.text(
        this.#request(
          key,
          id,
          { operation: 'UploadPart', method: 'PUT', repeatable: true, body, signal },
          { partNumber: String(part) },
        ),
      ),
    )
    return unquote(headers.etag)
  }

  async complete(
    key: string,
    id: string,
    parts: readonly { part: number; etag: string }[],
  ): Promise<BlobRecord> {
    const listed = parts
      .map(
        ({ part, etag }) =>
          `<Part><PartNumber>${part}</PartNumber><ETag>&quot;${escapeXml(etag)}&quot;</ETag></Part>`,
      )
      .join('')
    await this.#try(key, () =>
      this.#api.xml(
        this.#request(key, id, {
          operation: 'CompleteMultipartUpload',
          method: 'POST',
          headers: { 'content-type': 'application/xml' },
          body:
            '<CompleteMultipartUpload ' +
            `xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${listed}</CompleteMultipartUpload>`,
          repeatable: false,
        }),
      ),
    )
    const record = await this.#head(key)
    if (record === null)
      throw new UnmoorError(
        'Conflict',
        `The blob ${JSON.stringify(key)} was removed while its upload was completed.`,
        { retryable: false },
      )
    return record
  }

  async abort(key: string, id: string): Promise<void> {
    await this.#api.text(
      this.#request(key, id, {
        operation: 'AbortMultipartUpload',
        method: 'DELETE',
        repeatable: true,
        accept: [404],
      }),
    )
  }

  #request(
    key: string,
    id: string,
    request: Omit<S3Request, 'name' | 'write' | 'query'>,
    query: Record<string, string> = {},
  ): S3Request {
    return {
      ...request,
      name: objectName(this.#prefix, key).name,
      query: { ...query, uploadId: id },
      write: true,
    }
  }

  async #try<T>(key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const code =
        error instanceof UnmoorError ? (error.cause as { code?: unknown } | undefined)?.code : undefined
      if (code === 'NoSuchUpload')
        throw new UnmoorError(
          'NotFound',
          `There is no such upload of ${JSON.stringify(key)}, or it has ended.`,
          { details: { kind: 'upload' }, cause: error },
        )
      if (code === 'InvalidPart' || code === 'InvalidPartOrder' || code === 'EntityTooSmall')
        throw new UnmoorError(
          'InvalidArgument',
          `S3 refuses the parts of ${JSON.stringify(key)}: ${(error as Error).message}`,
          { cause: error },
        )
      throw error
    }
  }
}
