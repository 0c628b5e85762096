import { post, request } from './bridge/bridge.ts'
import { isBufferSource, viewOf } from './convert.ts'
import { streams } from './late.ts'
import type { Bytes, ReadableStream, TransformStream, WritableStream } from './streams.ts'

/**
 * Most bytes of a compression stream's output that are buffered for a reader before writes wait. Below this
 * bound a write finishes without a reader, as on workerd, which has no such bound.
 */
const WAITING = 4 * 1024 * 1024
const FORMATS = ['deflate', 'deflate-raw', 'gzip', 'brotli']
let nextStream = 1

// Creates a compression or decompression stream whose zlib runs in the engine, off the isolate's thread. Each
// chunk waits for its output, which is the backpressure.
function hostTransform(kind: 'compress' | 'decompress', format: string): TransformStream<unknown, Bytes> {
  const id = nextStream++
  const feed = async (
    bytes: Bytes | null,
    controller: TransformStreamDefaultController<Bytes>,
  ): Promise<void> => {
    const chunks = (await request('zlib', id, kind, format, bytes)) as Bytes[]
    for (const chunk of chunks) controller.enqueue(chunk)
  }
  const transformer = {
    async transform(chunk: unknown, controller: TransformStreamDefaultController<Bytes>) {
      // Text is no BufferSource, but the other runtimes take it too.
      const bytes: unknown = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk
      if (!isBufferSource(bytes) || !(viewOf(bytes).buffer instanceof ArrayBuffer))
        throw new TypeError(
          'CompressionStream and DecompressionStream take text, ArrayBuffers or views of them.',
        )
      if (viewOf(bytes).byteLength > 0) await feed(viewOf(bytes).slice(), controller)
    },
    flush: (controller: TransformStreamDefaultController<Bytes>) => feed(null, controller),
    cancel: () => post('zlibClose', id),
  }
  return new (streams().TransformStream)<unknown, Bytes>(transformer, undefined, {
    highWaterMark: WAITING,
    size: (chunk) => chunk.byteLength,
  })
}

function toFormat(value: unknown): string {
  const format = `${value as string}`
  if (!FORMATS.includes(format)) throw new TypeError(`Unsupported compression format: "${format}"`)
  return format
}

export class CompressionStream {
  #pair: TransformStream<unknown, Bytes>
  constructor(format: unknown) {
    this.#pair = hostTransform('compress', toFormat(format))
  }
  get readable(): ReadableStream {
    return this.#pair.readable
  }
  get writable(): WritableStream {
    return this.#pair.writable
  }
}

export class DecompressionStream {
  #pair: TransformStream<unknown, Bytes>
  constructor(format: unknown) {
    this.#pair = hostTransform('decompress', toFormat(format))
  }
  get readable(): ReadableStream {
    return this.#pair.readable
  }
  get writable(): WritableStream {
    return this.#pair.writable
  }
}
