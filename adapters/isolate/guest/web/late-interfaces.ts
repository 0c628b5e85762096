import { finishInterface, type Lengths } from './define.ts'

/** Where optional parameters count in a function's `length`, but not in the standard's. */
const LENGTHS: Readonly<Record<string, Lengths>> = {
  Crypto: { constructor: 0 },
  CryptoKey: { constructor: 0 },
  MessagePort: { constructor: 0 },
  SubtleCrypto: { constructor: 0 },
}

/** The interfaces of each part. */
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
 * Makes the interfaces of a part that was just loaded as the standard has them. Nobody has one of its objects
 * before this, so nobody sees its classes unfinished.
 */
export function finished<Module extends object>(part: Part, module: Module): Module {
  const names: readonly string[] = LATE_INTERFACES[part]
  for (let index = 0; index < names.length; index++) {
    const name = names[index] as string
    finishInterface(name, module[name as never], LENGTHS[name])
  }
  return module
}
