/**
 * Chunks of streams that serve as bodies. Besides Uint8Arrays they may be what workerd takes there: text,
 * ArrayBuffers and other views.
 */

/** The bytes of a chunk. @throws TypeError for what has none. */
export function chunkBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  return typeof chunk === 'string' ? Buffer.from(chunk) : bufferBytes(chunk)
}

/** The bytes of a chunk that may not be text: reading a Response refuses text chunks, as on workerd. */
export function bufferBytes(chunk: unknown): Uint8Array {
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk)
  throw new TypeError(
    `A body's stream gave a chunk of type ${chunk === null ? 'null' : typeof chunk}. It may give Uint8Arrays, ` +
      'other views, ArrayBuffers, and text where it is sent.',
  )
}

/** `stream` with each chunk as bytes; itself where it can have no others, or is used already. */
export function bytesOf(
  stream: ReadableStream,
  toBytes: (chunk: unknown) => Uint8Array,
): ReadableStream<Uint8Array> {
  if (stream.locked || isDisturbed(stream) || isByteStream(stream)) return stream
  const reader = stream.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (done) controller.close()
          else controller.enqueue(toBytes(value))
        } catch (error) {
          controller.error(error)
          reader.cancel(error).catch(() => {})
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    // Nothing is read of the stream before somebody reads this one.
    { highWaterMark: 0 },
  )
}

/** Node's types know web streams here only by a class of their own. */
function isDisturbed(stream: ReadableStream): boolean {
  const { Readable } = process.getBuiltinModule('node:stream')
  return Readable.isDisturbed(stream as unknown as NodeJS.ReadableStream)
}

/** True for streams of bytes, as those of fetched answers and incoming requests are: they take bytes only. */
function isByteStream(stream: ReadableStream): boolean {
  try {
    stream.getReader({ mode: 'byob' }).releaseLock()
    return true
  } catch {
    return false
  }
}
