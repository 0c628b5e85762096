/**
 * Streams, which are loaded when somebody uses one: see `late.ts`. They are apart from it because other late
 * parts use them.
 */
import { finished } from './late-interfaces.ts'
import type * as Streams from './streams.ts'
import type { ReadableStream, TransformStream, WritableStream } from './streams.ts'

/** The bundler's; it wants the path as it is after TypeScript. */
declare const require: (path: string) => unknown

let loadedStreams: typeof Streams | undefined

export const streams = (): typeof Streams => (loadedStreams ??= finished('streams', require('./streams.js') as typeof Streams))

/** Whether a value is a stream to read; without the module there is none. */
export function isReadableStream(value: unknown): value is ReadableStream {
  return loadedStreams !== undefined && value instanceof loadedStreams.ReadableStream
}

/** Whether it is one to write. */
export function isWritableStream(value: unknown): value is WritableStream {
  return loadedStreams !== undefined && value instanceof loadedStreams.WritableStream
}

/** Whether it is a pair of both. */
export function isTransformStream(value: unknown): value is TransformStream {
  return loadedStreams !== undefined && value instanceof loadedStreams.TransformStream
}
