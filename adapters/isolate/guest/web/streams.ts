/**
 * Web streams of web-streams-polyfill, a package of the reference implementation. Other modules load this one
 * only through `late.ts`, so that it is evaluated when a stream is first used.
 */
import {
  ByteLengthQueuingStrategy,
  CountQueuingStrategy,
  ReadableByteStreamController,
  ReadableStream,
  ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest,
  ReadableStreamDefaultController,
  ReadableStreamDefaultReader,
  TransformStream,
  TransformStreamDefaultController,
  WritableStream,
  WritableStreamDefaultController,
  WritableStreamDefaultWriter,
} from 'web-streams-polyfill'
import { noteLength } from './body-length.ts'
import { viewOf } from './convert.ts'
import { encodeUtf8, TextDecoder } from './data/encoding.ts'
import { repairStreams } from './stream-fixes.ts'

export {
  ByteLengthQueuingStrategy,
  CountQueuingStrategy,
  ReadableByteStreamController,
  ReadableStream,
  ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest,
  ReadableStreamDefaultController,
  ReadableStreamDefaultReader,
  TransformStream,
  TransformStreamDefaultController,
  WritableStream,
  WritableStreamDefaultController,
  WritableStreamDefaultWriter,
}

repairStreams()

export type Bytes = Uint8Array<ArrayBuffer>

/**
 * True if `stream` has been read from or cancelled. The state is a member of the polyfill; the standard's
 * interface has none for it.
 */
export function isDisturbed(stream: ReadableStream): boolean {
  return (stream as ReadableStream & { _disturbed: boolean })._disturbed
}

/** True if a ReadableStream is a byte stream (has a byte controller). */
export function isByteStream(stream: ReadableStream): boolean {
  return (
    (stream as ReadableStream & { _readableStreamController: unknown })._readableStreamController instanceof
    ReadableByteStreamController
  )
}

/** Returns a stream of `map(chunk)` for each chunk. The source is read only when the result is read. */
export function mapStream<T>(stream: ReadableStream<T>, map: (chunk: T) => unknown): ReadableStream<T> {
  const reader = stream.getReader()
  return new ReadableStream<T>(
    {
      async pull(controller) {
        const { done, value } = await reader.read()
        if (done) controller.close()
        else controller.enqueue(map(value) as T)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

/** Returns a writable stream that writes `map(chunk)` to `stream` for each chunk. */
export function mapWritable<T>(stream: WritableStream<T>, map: (chunk: T) => unknown): WritableStream<T> {
  const writer = stream.getWriter()
  return new WritableStream<T>({
    write: async (chunk) => {
      await writer.ready
      await writer.write(map(chunk) as T)
    },
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  })
}

/** Returns a byte stream whose only chunk is `bytes`, or that is empty if `bytes` is. */
export function streamOfBytes(bytes: Bytes): ReadableStream<Bytes> {
  const length = bytes.byteLength
  const stream = new ReadableStream<Bytes>({
    type: 'bytes',
    start(controller) {
      if (length > 0) controller.enqueue(bytes)
      controller.close()
    },
  })
  noteLength(stream, length)
  return stream
}

/**
 * Reads all bytes of a stream whose chunks are views or ArrayBuffers. A chunk of text is refused, as on
 * workerd.
 */
export async function readBytes(stream: ReadableStream<unknown>): Promise<Bytes> {
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    if (!ArrayBuffer.isView(value) && !(value instanceof ArrayBuffer)) {
      const error = new TypeError(
        `A body that is read gives bytes, not ${value === null ? 'null' : typeof value}`,
      )
      void reader.cancel(error).catch(() => {})
      throw error
    }
    const bytes = viewOf(value)
    chunks.push(bytes)
    size += bytes.byteLength
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}

interface Pair {
  readonly readable: ReadableStream
  readonly writable: WritableStream
}

export class TextEncoderStream {
  #pair: Pair
  #encoding = 'utf-8'
  constructor() {
    let held = ''
    this.#pair = new TransformStream<unknown, Bytes>({
      transform(chunk, controller) {
        let text = held + `${chunk as string}`
        held = ''
        // TextEncoderStream: a high surrogate at the end of a chunk may find its other half in the next
        // chunk.
        const last = text.charCodeAt(text.length - 1)
        if (last >= 0xd800 && last < 0xdc00) {
          held = text.slice(-1)
          text = text.slice(0, -1)
        }
        if (text !== '') controller.enqueue(encodeUtf8(text))
      },
      flush(controller) {
        if (held !== '') controller.enqueue(encodeUtf8(held))
      },
    })
  }
  get encoding(): string {
    return this.#encoding
  }
  get readable(): ReadableStream {
    return this.#pair.readable
  }
  get writable(): WritableStream {
    return this.#pair.writable
  }
}

export class TextDecoderStream {
  #pair: Pair
  #decoder: TextDecoder
  constructor(label: unknown = 'utf-8', options: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    const decoder = new TextDecoder(label, options)
    this.#decoder = decoder
    this.#pair = new TransformStream<ArrayBuffer | ArrayBufferView, string>({
      transform(chunk, controller) {
        if (chunk === undefined) throw new TypeError('TextDecoderStream takes buffer sources')
        const text = decoder.decode(chunk, { stream: true })
        if (text !== '') controller.enqueue(text)
      },
      flush(controller) {
        const text = decoder.decode()
        if (text !== '') controller.enqueue(text)
      },
    })
  }
  get encoding(): string {
    return this.#decoder.encoding
  }
  get fatal(): boolean {
    return this.#decoder.fatal
  }
  get ignoreBOM(): boolean {
    return this.#decoder.ignoreBOM
  }
  get readable(): ReadableStream {
    return this.#pair.readable
  }
  get writable(): WritableStream {
    return this.#pair.writable
  }
}
