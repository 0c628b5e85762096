/** IdentityTransformStream and FixedLengthStream: transform streams of Workers that support BYOB readers. */
import { toInteger, toText } from './coerce.ts'
import { setLength } from './known-length.ts'

export function toBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk)
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  throw new TypeError(
    'This TransformStream is being used as a byte stream, but received an object of ' +
      'non-ArrayBuffer/ArrayBufferView type on its writable side.',
  )
}

/**
 * Returns the error for writes to an IdentityTransformStream whose reader cancelled: the reason itself, or an
 * Error with its text.
 */
function cancelError(reason: unknown): Error {
  if (reason instanceof Error) return reason
  return new Error(reason === undefined ? 'Stream was cancelled.' : toText(reason))
}

/**
 * The two sides of an IdentityTransformStream. A chunk is passed on only when the reader asks for it, so a
 * write waits for its reader.
 */
interface Pipe {
  readable: ReadableStream<Uint8Array<ArrayBuffer>>
  writable: WritableStream<Uint8Array | ArrayBuffer | string>
}

function createPipe(
  strategy: QueuingStrategy | undefined,
  pass: { chunk(size: number): void; end(): void },
): Pipe {
  let output: ReadableByteStreamController | undefined
  let wanted = Promise.withResolvers<void>()
  let cancelled: { error: Error } | undefined
  let input: WritableStreamDefaultController | undefined
  const readable = new ReadableStream<Uint8Array<ArrayBuffer>>({
    type: 'bytes',
    start(controller) {
      output = controller as ReadableByteStreamController
    },
    pull() {
      wanted.resolve()
    },
    cancel(reason) {
      cancelled = { error: cancelError(reason) }
      wanted.resolve()
      input?.error(cancelled.error)
    },
  })
  const writable = new WritableStream<Uint8Array | ArrayBuffer | string>(
    {
      start(controller) {
        input = controller
      },
      async write(chunk) {
        const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : toBytes(chunk)
        try {
          pass.chunk(bytes.byteLength)
        } catch (error) {
          output?.error(error)
          throw error
        }
        if (bytes.byteLength === 0) return
        await wanted.promise
        if (cancelled !== undefined) throw cancelled.error
        wanted = Promise.withResolvers<void>()
        output?.enqueue(bytes.slice())
      },
      close() {
        try {
          pass.end()
        } catch (error) {
          output?.error(error)
          throw error
        }
        if (cancelled !== undefined) return
        output?.close()
        // When the transform stream closes, a pending BYOB read must be answered too.
        output?.byobRequest?.respond(0)
      },
      abort(reason) {
        output?.error(reason)
      },
    },
    strategy,
  )
  return { readable, writable }
}

/** A transform stream of Workers that passes bytes through unchanged. */
export class IdentityTransformStream extends TransformStream<Uint8Array, Uint8Array<ArrayBuffer>> {
  #pipe: Pipe

  constructor(strategy?: QueuingStrategy, pass = { chunk: (_size: number) => {}, end: () => {} }) {
    super()
    this.#pipe = createPipe(strategy, pass)
  }

  override get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#pipe.readable
  }

  override get writable(): WritableStream<Uint8Array> {
    return this.#pipe.writable
  }
}

/**
 * A transform stream of Workers that passes exactly the expected number of bytes; more or fewer is an error.
 */
export class FixedLengthStream extends IdentityTransformStream {
  constructor(expectedLength: number | bigint, strategy?: QueuingStrategy) {
    const expected = Math.trunc(Number(expectedLength))
    if (!Number.isSafeInteger(expected) || expected < 0)
      throw new TypeError('FixedLengthStream requires an integer expected length less than 2^53.')
    let passed = 0
    super(strategy, {
      chunk(size) {
        passed += size
        if (passed > expected)
          throw new TypeError('Attempt to write too many bytes through a FixedLengthStream.')
      },
      end() {
        if (passed < expected)
          throw new TypeError('FixedLengthStream did not see all expected bytes before close().')
      },
    })
    setLength(this.readable, expected)
  }
}

/** The last pending `readAtLeast` of each BYOB reader; the next `readAtLeast` waits for it. */
const reading = new WeakMap<ReadableStreamBYOBReader, Promise<unknown>>()

/**
 * Implements `readAtLeast` of a BYOB reader: reads until at least `least` bytes have arrived, or the stream
 * ends. `done` is true only for a read after the last byte.
 */
function gather(
  reader: ReadableStreamBYOBReader,
  least: number,
  view: ArrayBufferView<ArrayBuffer>,
): Promise<{ done: boolean; value: Uint8Array<ArrayBuffer> }> {
  const read = async (): Promise<{ done: boolean; value: Uint8Array<ArrayBuffer> }> => {
    const min = toInteger(least)
    if (!(min > 0)) throw new TypeError(`Requested invalid minimum number of bytes to read (${min}).`)
    const { byteOffset: start, byteLength: size } = view
    if (min > size) throw new TypeError(`Minimum bytes to read (${min}) exceeds size of buffer (${size}).`)
    let { buffer } = view
    let total = 0
    while (total < min) {
      const { done, value } = await reader.read(new Uint8Array(buffer, start + total, size - total))
      buffer = value?.buffer ?? new ArrayBuffer(size)
      total += value?.byteLength ?? 0
      if (done) return { done: total === 0, value: new Uint8Array(buffer, start, total) }
    }
    return { done: false, value: new Uint8Array(buffer, start, total) }
  }
  const before = reading.get(reader)
  const result = before === undefined ? read() : before.then(read, read)
  reading.set(reader, result)
  return result
}

/** Adds the method `readAtLeast` to BYOB readers. */
export function installReadAtLeast(): void {
  Object.defineProperty(ReadableStreamBYOBReader.prototype, 'readAtLeast', {
    value(this: ReadableStreamBYOBReader, min: number, view: ArrayBufferView<ArrayBuffer>) {
      return gather(this, min, view)
    },
    writable: true,
    configurable: true,
  })
}
