import type { FileHandle } from 'node:fs/promises'
import { UnmoorError } from '../../../core/errors.ts'
import { fileError, truncated } from './errors.ts'

/** A range of bytes of a blob's file. */
export interface ByteRange {
  offset: number
  length: number
}

const CHUNK = 128 * 1024

/** Closes the file handle of a file's stream that was garbage-collected unread. */
const abandoned = new FinalizationRegistry<FileHandle>((handle) => void handle.close().catch(() => {}))

/**
 * Streams a part of an open file, read as it is consumed. The handle is closed at the end, on a cancel, and
 * on an abort of `signal`.
 */
export function streamFile(
  handle: FileHandle,
  path: string,
  { offset, length }: ByteRange,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const end = offset + length
  let position = offset
  const token = {}
  let closed = false
  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    abandoned.unregister(token)
    await handle.close()
  }
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          if (signal?.aborted)
            throw new UnmoorError('Aborted', 'The get was aborted.', { cause: signal.reason })
          const chunk = new Uint8Array(Math.min(CHUNK, end - position))
          const { bytesRead } = await handle.read(chunk, 0, chunk.byteLength, position)
          if (bytesRead === 0) throw truncated(path)
          position += bytesRead
          controller.enqueue(chunk.subarray(0, bytesRead))
          if (position < end) return
          await close()
          controller.close()
        } catch (error) {
          await close()
          throw fileError(error, path)
        }
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  )
  abandoned.register(stream, handle, token)
  return stream
}
