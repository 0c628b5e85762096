import { concat, viewBytes } from '../../../core/bindings/bytes.ts'
import { invalidArgument, limitExceeded, UnmoorError } from '../../../core/errors.ts'
import { LIMITS } from '../../../core/limits.ts'
import { toError } from './blob-errors.ts'
import type { NativeR2, NativeR2Object, NativeR2Part, NativeR2PutOptions } from './native.ts'

/**
 * Bytes of a blob buffered before a multipart upload begins, and the size of each part, as R2 wants parts of
 * equal size. 8 MiB parts reach 78 GiB in 10,000 parts.
 */
const PART = 8 * 1024 * 1024

/**
 * Key prefix under which a large upload to R2 is staged until its conditions are checked; apps are unlikely
 * to list it.
 */
const STAGING = '.unmoor-staging/'

/**
 * Stores a stream of unknown length, which R2's own put refuses. Streams that fit one part are put at once;
 * longer streams become a multipart upload. A multipart upload cannot be completed conditionally, so one with
 * conditions or a checksum goes to a staging key first and is copied by a conditional put. Returns null if a
 * condition failed.
 */
export async function uploadStream(
  bucket: NativeR2,
  key: string,
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  options: NativeR2PutOptions,
  signal: AbortSignal | undefined,
): Promise<NativeR2Object | null> {
  const parts = readParts(stream, signal)
  const first = await parts.next()
  if (first.done || first.value.byteLength < PART)
    return bucket.put(key, first.done ? new Uint8Array(0) : first.value, options)
  const staged = options.onlyIf !== undefined || options.sha256 !== undefined
  if (!staged) return uploadParts(bucket, key, first.value, parts, options)
  const staging = STAGING + crypto.randomUUID()
  await uploadParts(bucket, staging, first.value, parts, {})
  try {
    const whole = await bucket.get(staging, {})
    if (whole?.body === undefined) throw new UnmoorError('Internal', 'R2: the staged upload is gone.')
    return await bucket.put(key, whole.body, options)
  } finally {
    await bucket.delete([staging])
  }
}

async function uploadParts(
  bucket: NativeR2,
  key: string,
  first: Uint8Array<ArrayBuffer>,
  rest: AsyncIterator<Uint8Array<ArrayBuffer>>,
  { httpMetadata, customMetadata }: NativeR2PutOptions,
): Promise<NativeR2Object> {
  const upload = await bucket.createMultipartUpload(key, {
    ...(httpMetadata && { httpMetadata }),
    ...(customMetadata && { customMetadata }),
  })
  try {
    const done: NativeR2Part[] = [await upload.uploadPart(1, first)]
    for (let part = await rest.next(); !part.done; part = await rest.next())
      done.push(await upload.uploadPart(done.length + 1, part.value))
    return await upload.complete(done)
  } catch (error) {
    // If aborting a multipart upload fails, R2 deletes the unfinished upload by itself after seven days.
    await upload.abort().catch(() => {})
    throw error
  }
}

/**
 * Splits an upload's stream into parts of PART bytes; only the last part is shorter. Cancels the source if
 * the reader stops early.
 */
async function* readParts(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>, undefined> {
  const reader = stream.getReader()
  const abort = (): void => void reader.cancel(signal?.reason).catch(() => {})
  signal?.addEventListener('abort', abort)
  let chunks: Uint8Array<ArrayBuffer>[] = []
  let size = 0
  let total = 0
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw new UnmoorError('Aborted', 'The source stream failed; nothing was stored.', { cause: error })
      })
      if (signal?.aborted)
        throw new UnmoorError('Aborted', 'The upload was aborted; nothing was stored.', {
          cause: signal.reason,
        })
      if (done) break
      if (!ArrayBuffer.isView(value))
        throw invalidArgument(
          {},
          `The stream gave a ${typeof value}, not bytes. Pipe it through a TextEncoderStream.`,
        )
      total += value.byteLength
      if (total > LIMITS['blob.size']) throw limitExceeded({}, 'blob.size', total, LIMITS['blob.size'])
      let bytes = viewBytes(value)
      while (size + bytes.byteLength >= PART) {
        const room = PART - size
        yield concat([...chunks, bytes.subarray(0, room)], PART)
        bytes = bytes.subarray(room)
        chunks = []
        size = 0
      }
      // A chunk of an upload's stream is copied, as the source may reuse its buffer.
      if (bytes.byteLength > 0) chunks.push(bytes.slice())
      size += bytes.byteLength
    }
    if (size > 0) yield concat(chunks, size)
    return undefined
  } catch (error) {
    await reader.cancel(error).catch(() => {})
    throw toError(error)
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}
