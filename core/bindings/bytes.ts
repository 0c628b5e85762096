import { invalidArgument, limitExceeded, UnmoorError } from '../errors.ts'
import type { Where } from './operation.ts'

// The UTF-8 encoder and decoder are created at first use: in an isolate each belongs to a part of the web API
// that most apps can start without.
let encoder: TextEncoder | undefined
let decoder: TextDecoder | undefined

/** Encodes `text` as UTF-8. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- Cloudflare's types: no buffer
  return (encoder ??= new TextEncoder()).encode(text) as Uint8Array<ArrayBuffer>
}

/** Decodes UTF-8 bytes to text and keeps a byte order mark. */
export function utf8Text(bytes: Uint8Array): string {
  return (decoder ??= new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })).decode(bytes)
}

/**
 * Returns the 32-bit FNV-1a hash of the UTF-8 bytes of `text`. It finds mistakes and does not resist forgery.
 * Drivers assign keys to partitions by this hash, so its values must never change.
 */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of utf8(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

/** Length of `text` in UTF-8 bytes, without encoding the usual short ASCII text. */
export function utf8Length(text: string): number {
  let length = text.length
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) continue
    if (unit < 0x800) length += 1
    else {
      length += 2
      // A surrogate pair is two UTF-16 units and four bytes of UTF-8.
      if (unit >= 0xd800 && unit < 0xdc00) index++
    }
  }
  return length
}

/** Types of values that callers may pass as the body of a blob or KV entry. */
export type BodyInput =
  | string
  | ArrayBuffer
  | ArrayBufferView<ArrayBufferLike>
  | ReadableStream<Uint8Array<ArrayBufferLike>>
  | Blob

/**
 * Returns a view of the same bytes as a Uint8Array. Bytes are copied only if a plain ArrayBuffer does not
 * back them.
 */
export function viewBytes(input: ArrayBuffer | ArrayBufferView<ArrayBufferLike>): Uint8Array<ArrayBuffer> {
  if (input instanceof ArrayBuffer) return new Uint8Array(input)
  if (input.buffer instanceof ArrayBuffer)
    return new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
  return new Uint8Array(new Uint8Array(input.buffer, input.byteOffset, input.byteLength))
}

/** True if `value` is a readable stream of any realm. */
export function isStream(value: unknown): value is ReadableStream<Uint8Array<ArrayBuffer>> {
  return (
    typeof value === 'object' && value !== null && typeof (value as ReadableStream).getReader === 'function'
  )
}

/**
 * Reads all bytes of a stream. A chunk that is not a byte array, or more than `max` bytes in total, cancels
 * the stream and throws.
 */
export async function readAll(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  where: Where,
  limit: string,
  max: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader()
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let size = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      if (!ArrayBuffer.isView(value))
        throw invalidArgument(
          where,
          `${where.binding}.${where.operation}: the stream gave a ${typeof value}, not bytes. Pipe it ` +
            'through a TextEncoderStream.',
        )
      size += value.byteLength
      if (size > max) throw limitExceeded(where, limit, size, max)
      chunks.push(viewBytes(value))
    }
  } catch (error) {
    await reader.cancel(error).catch(() => {})
    if (error instanceof UnmoorError) throw error
    throw new UnmoorError(
      'Aborted',
      `${where.binding}.${where.operation}: the source stream failed; nothing was stored.`,
      { ...where, cause: error },
    )
  }
  return concat(chunks, size)
}

/** Joins all chunks of bytes into one array. */
export function concat(
  chunks: readonly Uint8Array<ArrayBuffer>[],
  size = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0),
): Uint8Array<ArrayBuffer> {
  if (chunks.length === 1) return chunks[0] as Uint8Array<ArrayBuffer>
  const all = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    all.set(chunk, offset)
    offset += chunk.byteLength
  }
  return all
}

/** Returns a stream that has `bytes` as its only chunk, or no chunk if they are empty. */
export function streamOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      if (bytes.byteLength > 0) controller.enqueue(bytes)
      controller.close()
    },
  })
}

/**
 * Compares strings by their UTF-8 bytes; JavaScript's own order is by UTF-16 units, which differs above
 * U+FFFF.
 */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const x = a.charCodeAt(index)
    const y = b.charCodeAt(index)
    if (x === y) continue
    // UTF-16 surrogates encode code points above the BMP, so in UTF-8 order they follow all other units.
    const xHigh = x >= 0xd800 && x < 0xe000
    const yHigh = y >= 0xd800 && y < 0xe000
    if (xHigh !== yHigh) return xHigh ? 1 : -1
    return x - y
  }
  return a.length - b.length
}

/**
 * Returns the smallest string that sorts after every string that starts with `prefix`, or undefined if there
 * is none. It skips the surrogate range, so the result is well-formed.
 */
export function prefixEnd(prefix: string): string | undefined {
  const points = [...prefix]
  while (points.length > 0) {
    const last = (points.pop() as string).codePointAt(0) as number
    if (last < 0x10ffff) return points.join('') + String.fromCodePoint(last === 0xd7ff ? 0xe000 : last + 1)
  }
  return undefined
}
