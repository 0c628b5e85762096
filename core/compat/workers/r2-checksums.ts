import { concat, isStream, utf8, viewBytes } from '../../bindings/bytes.ts'
import { cloudflareError } from './errors.ts'
import { fromHex, Md5, toHex } from './md5.ts'

export type R2Body = ReadableStream | ArrayBuffer | ArrayBufferView | string | null | Blob
type Sum = ArrayBuffer | ArrayBufferView | string

/** Checksums that an R2 put may state, at most one of them. */
export interface R2Sums {
  md5?: Sum
  sha1?: Sum
  sha256?: Sum
  sha384?: Sum
  sha512?: Sum
}

const ALGORITHMS = { md5: 16, sha1: 20, sha256: 32, sha384: 48, sha512: 64 } as const
const WEB_NAMES = { sha1: 'SHA-1', sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' } as const
type Algorithm = keyof typeof ALGORITHMS

/** Largest R2 upload stream in bytes that is buffered, so that its MD5 is known before it is stored. */
const BUFFERED = 1024 * 1024

/**
 * Returns the body of an R2 object to store, with its checksums. A long stream is passed through, and fails
 * at its end if its checksum is wrong.
 */
export async function withChecksums(
  body: R2Body,
  options: R2Sums,
): Promise<{
  content: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>
  sums: Record<string, string>
}> {
  const asked = readSum(options)
  const content = await toContent(body)
  if (isStream(content)) return asked === undefined ? { content, sums: {} } : checkedStream(content, asked)
  const sums: Record<string, string> = { md5: md5Of(content) }
  if (asked === undefined) return { content, sums }
  const found = asked.algorithm === 'md5' ? (sums['md5'] as string) : await digest(asked.algorithm, content)
  if (found !== asked.hex) throw badDigest(asked, found)
  sums[asked.algorithm] = found
  return { content, sums }
}

/** Returns the MD5 of bytes as lower-case hex. */
export function md5Of(bytes: Uint8Array): string {
  const hash = new Md5()
  hash.update(bytes)
  return toHex(hash.digest())
}

interface Asked {
  algorithm: Algorithm
  hex: string
}

function readSum(options: R2Sums): Asked | undefined {
  const given = (Object.keys(ALGORITHMS) as Algorithm[]).filter(
    (name) => options[name] !== undefined && options[name] !== null,
  )
  if (given.length > 1) throw new TypeError('You cannot specify multiple hashing algorithms.')
  const algorithm = given[0]
  if (algorithm === undefined) return undefined
  const value = options[algorithm] as Sum
  const label = algorithm === 'md5' ? 'MD5' : WEB_NAMES[algorithm]
  if (typeof value === 'string' && value.length !== ALGORITHMS[algorithm] * 2)
    throw new TypeError(`${label} is ${ALGORITHMS[algorithm] * 2} hex characters, not ${value.length}`)
  const bytes = typeof value === 'string' ? fromHex(value) : viewBytes(value)
  if (bytes === undefined) throw new TypeError(`Provided ${label} wasn't a valid hex string`)
  if (bytes.byteLength !== ALGORITHMS[algorithm])
    throw new TypeError(`${label} is ${ALGORITHMS[algorithm]} bytes, not ${bytes.byteLength}`)
  return { algorithm, hex: toHex(bytes) }
}

function badDigest({ algorithm, hex }: Asked, found: string): Error {
  const name = algorithm === 'md5' ? 'MD5' : WEB_NAMES[algorithm]
  return cloudflareError(
    [
      `put: The ${name} checksum you specified did not match what we received.`,
      `You provided a ${name} checksum with value: ${hex}`,
      `Actual ${name} was: ${found} (10037)`,
    ].join('\n'),
  )
}

async function toContent(
  body: R2Body,
): Promise<Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>> {
  if (body === null || body === undefined) return new Uint8Array(0)
  if (typeof body === 'string') return utf8(body)
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return viewBytes(body)
  if (body instanceof Blob) return new Uint8Array(await body.arrayBuffer())
  if (isStream(body)) return readStart(body)
  throw new TypeError(
    "Failed to execute 'put' on 'R2Bucket': parameter 2 is not of type 'JsReadableStream or ArrayBuffer " +
      "or ArrayBufferView or string or Blob'.",
  )
}

/**
 * Reads a short R2 upload stream to its end and returns its bytes. A long one is returned as a stream of the
 * same content.
 */
async function readStart(
  source: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>> {
  const reader = source.getReader()
  const chunks: Uint8Array<ArrayBuffer>[] = []
  for (let size = 0; size <= BUFFERED;) {
    const { done, value } = await reader.read()
    if (done) return concat(chunks, size)
    if (!ArrayBuffer.isView(value)) {
      await reader.cancel().catch(() => {})
      throw new TypeError(
        'This TransformStream is being used as a byte stream, but received an object of ' +
          'non-ArrayBuffer/ArrayBufferView type on its writable side.',
      )
    }
    chunks.push(value)
    size += value.byteLength
  }
  return new ReadableStream({
    async pull(controller) {
      const first = chunks.shift()
      if (first !== undefined) return controller.enqueue(first)
      const { done, value } = await reader.read()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel: (reason) => reader.cancel(reason),
  })
}

async function digest(algorithm: Exclude<Algorithm, 'md5'>, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest(WEB_NAMES[algorithm], bytes)))
}

/**
 * Verifies the checksum of an R2 upload stream. MD5 is computed while the stream is read; for other
 * algorithms it is buffered whole.
 */
async function checkedStream(
  source: ReadableStream<Uint8Array<ArrayBuffer>>,
  asked: Asked,
): Promise<{
  content: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>
  sums: Record<string, string>
}> {
  if (asked.algorithm !== 'md5') {
    const bytes = new Uint8Array(await new Response(source).arrayBuffer())
    const found = await digest(asked.algorithm, bytes)
    if (found !== asked.hex) throw badDigest(asked, found)
    return { content: bytes, sums: { md5: md5Of(bytes), [asked.algorithm]: found } }
  }
  const hash = new Md5()
  const checked = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(chunk, controller) {
      hash.update(chunk)
      controller.enqueue(chunk)
    },
    flush() {
      const found = toHex(hash.digest())
      if (found !== asked.hex) throw badDigest(asked, found)
    },
  })
  return { content: source.pipeThrough(checked), sums: { md5: asked.hex } }
}
