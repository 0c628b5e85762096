/**
 * Repairs of web-streams-polyfill, where it differs from the standard. The polyfill's internal members begin
 * with an underscore.
 */
import { ReadableStream, ReadableStreamDefaultController } from 'web-streams-polyfill'
import { lengthOf, noteLength } from './body-length.ts'
import { microtask } from './bridge/bridge.ts'

interface ReadRequest {
  _chunkSteps(chunk: unknown): void
}
interface Reader {
  _readRequests: { readonly length: number; peek(): ReadRequest }
}
type Inside = { _controlledReadableStream?: { _reader?: Reader } }

/** Repairs the classes of web-streams-polyfill; called once. */
export function repairStreams(): void {
  // The prototype of the polyfill's stream iterators inherits from nothing. In the standard it inherits from
  // the prototype of all asynchronous iterators.
  const iterators = Object.getPrototypeOf(new ReadableStream().values()) as object
  Object.setPrototypeOf(
    iterators,
    Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}.prototype)) as object,
  )
  writeLater()
  // Both branches of a teed stream keep the stream's known length.
  replace(ReadableStream.prototype, 'tee', (tee, stream: ReadableStream, args) => {
    const length = lengthOf(stream)
    const branches = Reflect.apply(tee, stream, args) as ReadableStream[]
    if (length !== undefined) for (const branch of branches) noteLength(branch, length)
    return branches
  })
}

// Delays each write of a pipe by a microtask: the polyfill's pipe writes a chunk within `enqueue`, so the
// sink's code would run inside the source's. A write still comes before the source's end or error, which
// the pipe learns of in later microtasks.
function writeLater(): void {
  const pipes = new WeakSet<object>()
  const remember = (stream: unknown): void => {
    // `pipeTo` and `pipeThrough` fail if `this` is not a stream; then there is no reader to remember.
    const reader = (stream as { _reader?: object } | null | undefined)?._reader
    if (reader !== undefined) pipes.add(reader)
  }
  replace(ReadableStream.prototype, 'pipeTo', (pipeTo, stream: ReadableStream, args) => {
    const done = Reflect.apply(pipeTo, stream, args)
    remember(stream)
    return done
  })
  replace(ReadableStream.prototype, 'pipeThrough', (pipeThrough, stream: ReadableStream, args) => {
    const readable = Reflect.apply(pipeThrough, stream, args)
    remember(stream)
    return readable
  })
  replace(ReadableStreamDefaultController.prototype, 'enqueue', (enqueue, controller: object, args) => {
    const reader = (controller as Inside)._controlledReadableStream?._reader
    if (reader !== undefined && pipes.has(reader) && reader._readRequests.length > 0)
      delay(reader._readRequests.peek())
    return Reflect.apply(enqueue, controller, args)
  })
}

function delay(request: ReadRequest): void {
  const steps = request._chunkSteps
  request._chunkSteps = (chunk) =>
    microtask(() => {
      try {
        Reflect.apply(steps, request, [chunk])
      } catch {
        // The chunk is dropped: the stream's pipe has ended in the meantime and released its writer.
      }
    })
}

type Method = (...args: never[]) => unknown

/** Replaces a method of web-streams-polyfill; the new one has the original's name, length and descriptor. */
function replace<T extends object>(
  prototype: object,
  name: string,
  call: (original: Method, self: T, args: never[]) => unknown,
): void {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name) as PropertyDescriptor
  const original = descriptor.value as Method
  const { method } = {
    method(this: T, ...args: never[]): unknown {
      return call(original, this, args)
    },
  }
  Object.defineProperty(method, 'name', { value: name, configurable: true })
  Object.defineProperty(method, 'length', { value: original.length, configurable: true })
  Object.defineProperty(prototype, name, { ...descriptor, value: method })
}
