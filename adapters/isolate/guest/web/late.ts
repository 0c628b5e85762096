/**
 * Parts of the web API that most apps never use; their modules are evaluated on first use. The bundler makes
 * a function of each module that is required, and V8 neither compiles nor keeps code for a function that was
 * never called. Streams alone are a third of the web API's code and of what running it allocates.
 */
import { finishInterface, type Lengths } from './define.ts'
import type * as Streams from './streams.ts'
import type { ReadableStream, TransformStream, WritableStream } from './streams.ts'

/** The bundler's `require`, which loads late parts of the web API; `path` is that of the compiled module. */
declare const require: (path: string) => unknown

/** Standard `length` of web API functions whose own `length` counts optional parameters. */
const LENGTHS: Readonly<Record<string, Lengths>> = {
  Crypto: { constructor: 0 },
  CryptoKey: { constructor: 0 },
  MessagePort: { constructor: 0 },
  SubtleCrypto: { constructor: 0 },
}

/** Names of the web interfaces in each part of the web API that is loaded on first use. */
export const LATE_INTERFACES = {
  compression: ['CompressionStream', 'DecompressionStream'],
  cryptography: ['Crypto', 'CryptoKey', 'SubtleCrypto'],
  messageChannels: ['MessageChannel', 'MessagePort'],
  streams: [
    'ByteLengthQueuingStrategy',
    'CountQueuingStrategy',
    'ReadableByteStreamController',
    'ReadableStream',
    'ReadableStreamBYOBReader',
    'ReadableStreamBYOBRequest',
    'ReadableStreamDefaultController',
    'ReadableStreamDefaultReader',
    'TextDecoderStream',
    'TextEncoderStream',
    'TransformStream',
    'TransformStreamDefaultController',
    'WritableStream',
    'WritableStreamDefaultController',
    'WritableStreamDefaultWriter',
  ],
  urlPatterns: ['URLPattern'],
} as const satisfies Record<string, readonly string[]>

type Part = keyof typeof LATE_INTERFACES

/**
 * Completes the web interfaces of a part of the web API that was just loaded, as Web IDL has them. No object
 * of them exists yet, so nobody sees an incomplete class.
 */
export function finished<Module extends object>(part: Part, module: Module): Module {
  const names: readonly string[] = LATE_INTERFACES[part]
  for (let index = 0; index < names.length; index++) {
    const name = names[index] as string
    finishInterface(name, module[name as never], LENGTHS[name])
  }
  return module
}

let loadedStreams: typeof Streams | undefined

export const streams = (): typeof Streams =>
  (loadedStreams ??= finished('streams', require('./streams.js') as typeof Streams))

/** True if a value is a readable stream; false while the streams module is not loaded. */
export function isReadableStream(value: unknown): value is ReadableStream {
  return loadedStreams !== undefined && value instanceof loadedStreams.ReadableStream
}

/** True if a value is a writable stream. */
export function isWritableStream(value: unknown): value is WritableStream {
  return loadedStreams !== undefined && value instanceof loadedStreams.WritableStream
}

/** True if a value is a transform stream. */
export function isTransformStream(value: unknown): value is TransformStream {
  return loadedStreams !== undefined && value instanceof loadedStreams.TransformStream
}
