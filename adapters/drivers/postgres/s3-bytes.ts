import { createHash } from '../shared/hash.ts'
import { isStream, viewBytes } from '../../../core/bindings/bytes.ts'
import type { BlobDriver, BlobPutOptions } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { ByteStore } from '../shared/indexed-blobs.ts'

type Bytes = Uint8Array<ArrayBuffer>
type Body = Bytes | ReadableStream<Bytes>

/** Stores the bytes of blobs as objects of an S3 bucket. */
export class S3Bytes implements ByteStore {
  readonly name = 'the bucket'
  #blobs: BlobDriver

  constructor(blobs: BlobDriver) {
    this.#blobs = blobs
  }

  async write(
    _key: string,
    file: string,
    body: Body,
    { sha256, signal }: Pick<BlobPutOptions, 'sha256' | 'signal'>,
  ): Promise<{ size: number; sha256: string }> {
    const hash = createHash('sha256')
    const content = isStream(body) ? body.pipeThrough(hashing(hash)) : body
    if (!isStream(body)) hash.update(body)
    const { size } = await this.#blobs.put(file, content, {
      httpMetadata: {},
      customMetadata: {},
      sha256,
      signal,
    })
    return { size, sha256: hash.digest('hex') }
  }

  async read(
    file: string,
    { offset, length }: { offset: number; length: number },
    signal: AbortSignal | undefined,
  ): Promise<Body | undefined> {
    // S3 refuses every range of an empty object, so reading an empty blob passes no range.
    const range = length === 0 ? undefined : { offset, length }
    return (await this.#blobs.get(file, { range, signal }))?.body ?? undefined
  }

  remove(file: string): Promise<void> {
    return this.#blobs.delete([file])
  }
}

function hashing(hash: ReturnType<typeof createHash>): TransformStream<Bytes, Bytes> {
  return new TransformStream({
    transform(chunk, controller) {
      if (!ArrayBuffer.isView(chunk))
        throw new UnmoorError(
          'InvalidArgument',
          `The body's stream gave a ${typeof chunk}, not bytes. Pipe it through a TextEncoderStream.`,
        )
      const bytes = viewBytes(chunk)
      hash.update(bytes)
      controller.enqueue(bytes)
    },
  })
}
