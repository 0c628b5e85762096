/**
 * Converts chunks of streams that serve as bodies. Besides Uint8Arrays, chunks may be what workerd accepts:
 * text, ArrayBuffers and other views.
 */

/** Returns the bytes of a body stream's chunk. @throws TypeError for a value that has none. */
export function chunkBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  return typeof chunk === 'string' ? Buffer.from(chunk) : bufferBytes(chunk)
}

/**
 * Returns the bytes of a body stream's chunk that must not be text: reading a Response rejects text chunks,
 * as on workerd.
 */
export function bufferBytes(chunk: unknown): Uint8Array {
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk)
  throw new TypeError(
    `A body's stream gave a chunk of type ${chunk === null ? 'null' : typeof chunk}. It may give Uint8Arrays, ` +
      'other views, ArrayBuffers, and text where it is sent.',
  )
}

/**
 * Converts each chunk of a body's stream to bytes. A byte stream, or a stream that is in use already, is
 * returned unchanged.
 */
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
    // With `highWaterMark` 0, the source stream of a body is not read before somebody reads the converted
    // one.
    { highWaterMark: 0 },
  )
}

/**
 * Returns true if a stream was read from or cancelled. The cast is needed because Node types web streams as a
 * class of its own.
 */
function isDisturbed(stream: ReadableStream): boolean {
  const { Readable } = process.getBuiltinModule('node:stream')
  return Readable.isDisturbed(stream as unknown as NodeJS.ReadableStream)
}

/**
 * Returns true for byte streams, such as bodies of fetched responses and incoming requests, which accept
 * bytes only.
 */
function isByteStream(stream: ReadableStream): boolean {
  try {
    stream.getReader({ mode: 'byob' }).releaseLock()
    return true
  } catch {
    return false
  }
}
