import { isStream, viewBytes } from '../../../core/bindings/bytes.ts'
import { limitExceeded, UnmoorError } from '../../../core/errors.ts'
import { LIMITS } from '../../../core/limits.ts'

/**
 * Passes a blob's body to `take`, chunk by chunk, and returns its size in bytes. A stream is cancelled, with
 * an error, if it fails, the signal aborts, a chunk is not bytes, or its size exceeds the portable limit.
 */
export async function eachChunk(
  body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal | undefined,
  take: (chunk: Uint8Array<ArrayBuffer>) => void | Promise<void>,
): Promise<number> {
  if (!isStream(body)) {
    await take(body)
    return body.byteLength
  }
  const reader = body.getReader()
  const abort = (): void => void reader.cancel(signal?.reason).catch(() => {})
  signal?.addEventListener('abort', abort, { once: true })
  let size = 0
  try {
    for (;;) {
      const { done, value } = await next(reader, signal)
      if (signal?.aborted)
        throw new UnmoorError('Aborted', 'The put was aborted; nothing was stored.', { cause: signal.reason })
      if (done) return size
      if (!ArrayBuffer.isView(value))
        throw new UnmoorError(
          'InvalidArgument',
          `The body's stream gave a ${typeof value}, not bytes. Pipe it through a TextEncoderStream.`,
        )
      size += value.byteLength
      if (size > LIMITS['blob.size']) throw limitExceeded({}, 'blob.size', size, LIMITS['blob.size'])
      await take(viewBytes(value))
    }
  } catch (error) {
    await reader.cancel(error).catch(() => {})
    throw error
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

async function next(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal | undefined,
): Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>>> {
  try {
    return await reader.read()
  } catch (error) {
    throw new UnmoorError('Aborted', 'The source stream failed; nothing was stored.', {
      cause: signal?.aborted ? signal.reason : error,
    })
  }
}
