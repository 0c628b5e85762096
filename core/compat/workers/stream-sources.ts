/** Options of web streams that Workers have and the standard lacks. */
import { setLength } from './known-length.ts'

/** Bytes that a ReadableStream of bytes allocates for a read without a buffer of its own. */
const CHUNK = 4096

/**
 * Extends the global stream classes: they read `expectedLength`, the length of a body made of the stream, and
 * a byte stream always offers a buffer to its source (`byobRequest`), also for reads without one.
 */
export function extendStreamSources(): void {
  extend('ReadableStream', allocating, (made) => made as ReadableStream)
  extend(
    'TransformStream',
    (transformer) => transformer,
    (made) => (made as TransformStream).readable,
  )
}

function extend(
  name: 'ReadableStream' | 'TransformStream',
  toSource: (given: unknown) => unknown,
  readableOf: (made: object) => ReadableStream,
): void {
  const own: new (...args: never[]) => object = globalThis[name]
  Object.defineProperty(globalThis, name, {
    value: new Proxy(own, {
      construct(target, args: unknown[], newTarget) {
        if (args.length === 0) return Reflect.construct(target, args, newTarget) as object
        const [given, ...rest] = args
        const length = (given as { expectedLength?: unknown } | null | undefined)?.expectedLength
        const made = Reflect.construct(target, [toSource(given), ...rest], newTarget) as object
        if (length !== undefined) setLength(readableOf(made), toLength(length))
        return made
      },
    }),
    writable: true,
    configurable: true,
  })
}

function toLength(given: unknown): number {
  const length = Math.trunc(Number(given))
  if (Number.isSafeInteger(length) && length >= 0) return length
  throw new TypeError(`The value of expectedLength is not a whole number of bytes: ${String(given)}.`)
}

const METHODS = ['start', 'pull', 'cancel'] as const

/**
 * Returns a byte stream's source with a buffer for each read; the source of any other stream is unchanged.
 */
function allocating(given: unknown): unknown {
  const source = given as Record<string, unknown> | null | undefined
  if (source?.['type'] !== 'bytes' || source['autoAllocateChunkSize'] !== undefined) return given
  const own: Record<string, unknown> = { type: 'bytes', autoAllocateChunkSize: CHUNK }
  for (const name of METHODS) {
    const method = source[name]
    // A stream source's methods are called on the source itself, which may have private members. A member
    // that is no function is passed on, and the stream refuses it.
    if (method !== undefined)
      own[name] = typeof method === 'function' ? (method.bind(source) as unknown) : method
  }
  return own
}
