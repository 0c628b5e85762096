import { UnmoorError } from '../../../core/errors.ts'
import { createHash } from '../shared/hash.ts'
import { readBody } from '../aws/http.ts'
import type { S3Api } from '../s3/api.ts'
import { upload } from '../s3/upload.ts'
import type { Reference } from './item.ts'

/**
 * Stores values that are too large for a DynamoDB item as S3 objects. Each put writes a new object, so that
 * the item switches from one value to the next in one step; the old object is deleted afterwards. An object
 * is left over only if a process ends between the two steps, if a delete fails, or if DynamoDB's TTL removes
 * the item.
 */
export class Spill {
  #api: S3Api
  #prefix: string

  constructor(api: S3Api, prefix: string) {
    this.#api = api
    this.#prefix = prefix
  }

  async put(value: Uint8Array<ArrayBuffer>): Promise<Reference> {
    const name = this.#prefix + crypto.randomUUID()
    const sha256 = createHash('sha256').update(value).digest('hex')
    await upload(this.#api, name, value, { 'content-type': 'application/octet-stream' }, {})
    return { name, sha256 }
  }

  /**
   * Reads a large value from S3. Returns null if the object is gone, because the DynamoDB item was
   * overwritten since it was read.
   */
  async get({ name, sha256 }: Reference): Promise<Uint8Array<ArrayBuffer> | null> {
    for (let attempt = 0; ; attempt++) {
      const { status, body } = await this.#api.send({
        operation: 'GetObject',
        method: 'GET',
        name,
        write: false,
        repeatable: true,
        accept: [404],
      })
      if (status === 404) {
        body.resume()
        return null
      }
      try {
        const bytes = await readBody(body)
        const actual = createHash('sha256').update(bytes).digest('hex')
        if (actual !== sha256)
          throw new UnmoorError(
            'ChecksumMismatch',
            `The object ${name} of bucket "${this.#api.bucket}" is not what was put: its SHA-256 is ` +
              `${actual}, not ${sha256}.`,
          )
        return bytes
      } catch (error) {
        if (error instanceof UnmoorError) throw error
        if (attempt === 2)
          throw new UnmoorError('Unavailable', `Reading ${name} of bucket "${this.#api.bucket}" broke off.`, {
            cause: error,
          })
      }
    }
  }

  /**
   * Deletes the S3 object of a large value, best effort. No DynamoDB item refers to the object any more, so a
   * failure is ignored.
   */
  async remove(name: string): Promise<void> {
    await this.#api.delete(name).catch(() => {})
  }
}
