/** What Workers may say of a stream that they make, besides what the standard has. */
import { setLength } from './known-length.ts'

/** Bytes that a stream of bytes allocates for a read that brings no memory of its own. */
const CHUNK = 4096

/**
 * Has the global classes of streams read `expectedLength`, which is the length of a body made of the stream;
 * and has a stream of bytes always offer memory to its source (`byobRequest`), for reads without any too.
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

/** A source of bytes with memory for each read; any other source as it is. */
function allocating(given: unknown): unknown {
  const source = given as Record<string, unknown> | null | undefined
  if (source?.['type'] !== 'bytes' || source['autoAllocateChunkSize'] !== undefined) return given
  const own: Record<string, unknown> = { type: 'bytes', autoAllocateChunkSize: CHUNK }
  for (const name of METHODS) {
    const method = source[name]
    // The source itself is `this`, which may have private members; what is no function is refused as ever.
    if (method !== undefined)
      own[name] = typeof method === 'function' ? (method.bind(source) as unknown) : method
  }
  return own
}
