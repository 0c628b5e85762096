import process from 'node:process'
import { UnmoorError } from '../../../core/errors.ts'
import { chunkBytes } from '../../node-server/runtime/http/chunk.ts'
import type { HttpEventKind } from '../../../core/compat/from-lambda/http-events.ts'

/**
 * Head of a Lambda function's answer in the form of Function URLs and HTTP APIs; the streaming prelude is its
 * JSON.
 */
export interface ResultHead {
  readonly statusCode: number
  /**
   * Headers of a Lambda answer without Set-Cookie: several cookies joined into one header lose all but the
   * first.
   */
  readonly headers: Readonly<Record<string, string>>
  /** Cookies of a Lambda answer, with one entry per Set-Cookie. */
  readonly cookies: readonly string[]
}

/** A buffered answer of a Lambda function in the form that its source expects. */
export interface HttpResult {
  readonly statusCode: number
  readonly body: string
  readonly isBase64Encoded: boolean
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[]>>
  readonly cookies?: readonly string[]
}

const MEGABYTE = 1024 * 1024

/** Maximum bytes of the JSON text of a buffered Lambda answer: 6 MB, and 1 MB behind a load balancer. */
export function bufferedLimit(source: HttpEventKind): number {
  return source === 'alb' || source === 'alb-multi' ? MEGABYTE : 6 * MEGABYTE
}

/**
 * Converts the app's `response` to the head and body of a Lambda answer. The body is null if HTTP allows
 * none; the handler's body is then cancelled.
 */
export function toHead(
  response: Response,
  method: string,
): { head: ResultHead; body: ReadableStream<Uint8Array<ArrayBuffer>> | null } {
  const { status } = response
  // Response.error() has status 0, which no client can receive.
  const statusCode = status < 200 || status > 599 ? 500 : status
  const headers: Record<string, string> = {}
  response.headers.forEach((value, name) => {
    if (!SKIPPED.has(name)) headers[name] = value
  })
  const length = response.headers.get('content-length')
  // The Lambda front sets content-length for a body: a wrong value from the app would cut the answer off, or
  // hang it. An answer to HEAD and a 304 keep the app's value, which says what GET would return.
  if (
    length !== null &&
    /^\d{1,15}$/.test(length) &&
    response.body === null &&
    (method === 'HEAD' || statusCode === 304)
  )
    headers['content-length'] = length
  const head = { statusCode, headers, cookies: response.headers.getSetCookie() }
  if (method !== 'HEAD' && statusCode !== 204 && statusCode !== 205 && statusCode !== 304)
    return { head, body: response.body }
  void response.body?.cancel().catch(() => undefined)
  return { head, body: null }
}

// Response headers that are not copied. Set-Cookie goes into cookies, and content-length is handled
// separately; the others belong to the connection between Lambda and the client.
const SKIPPED: ReadonlySet<string> = new Set([
  'set-cookie',
  'content-length',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
])

/**
 * Returns the buffered Lambda answer of `response` for `source`. Returns undefined as soon as the answer is
 * known to be over {@link bufferedLimit}; the rest of the body is cancelled. Rejects if the body fails, or if
 * `source` has no form for the answer.
 */
export async function toBufferedResult(
  response: Response,
  method: string,
  source: HttpEventKind,
): Promise<HttpResult | undefined> {
  const { head, body } = toHead(response, method)
  const shaped = shape(head, source)
  if (body === null) return { ...shaped, body: '', isBase64Encoded: false }
  const limit = bufferedLimit(source)
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = body.getReader()
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const chunk = chunkBytes(read.value)
      size += chunk.byteLength
      if (size > limit) return undefined
      chunks.push(chunk)
    }
  } finally {
    // `cancel` does nothing if the answer's body has ended.
    void reader.cancel().catch(() => undefined)
  }
  const bytes = chunks.length === 1 ? asBuffer(chunks[0] as Uint8Array) : Buffer.concat(chunks, size)
  const text = isText(head) ? utf8(bytes) : undefined
  const result =
    text === undefined
      ? { ...shaped, body: bytes.toString('base64'), isBase64Encoded: true }
      : { ...shaped, body: text, isBase64Encoded: false }
  // Escapes make the JSON of a Lambda answer longer than the body, so only the JSON's text shows its size.
  // Small bodies are not checked: an escape is at most six times its byte.
  return size * 6 > limit - 65_536 && Buffer.byteLength(JSON.stringify(result)) > limit ? undefined : result
}

type Shape = Omit<HttpResult, 'body' | 'isBase64Encoded'>

/**
 * Converts the head of a Lambda answer to the form of its source. Sources differ in cookies: each needs its
 * own entry, never joined.
 */
function shape({ statusCode, headers, cookies }: ResultHead, source: HttpEventKind): Shape {
  switch (source) {
    case 'url':
    case 'v2':
      return { statusCode, headers, cookies }
    case 'v1':
      return cookies.length === 0
        ? { statusCode, headers }
        : { statusCode, headers, multiValueHeaders: { 'set-cookie': cookies } }
    case 'alb-multi': {
      const multiValueHeaders: Record<string, readonly string[]> = {}
      for (const name in headers) multiValueHeaders[name] = [headers[name] as string]
      if (cookies.length > 0) multiValueHeaders['set-cookie'] = cookies
      return { statusCode, multiValueHeaders }
    }
    case 'lattice':
      return cookies.length === 0
        ? { statusCode, headers }
        : { statusCode, headers: { ...headers, 'set-cookie': cookies } }
    case 'alb':
      if (cookies.length > 1) throw tooManyCookies(cookies.length)
      return {
        statusCode,
        headers: cookies.length === 0 ? headers : { ...headers, 'set-cookie': cookies[0] as string },
      }
  }
}

function tooManyCookies(count: number): UnmoorError {
  return new UnmoorError(
    'Unsupported',
    `The answer sets ${count} cookies, and this load balancer takes one: turn on ` +
      'lambda.multi_value_headers.enabled for its target group.',
    { operation: 'lambda' },
  )
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

const TEXT_TYPE =
  /^(?:text\/|application\/(?:json|javascript|xml|x-www-form-urlencoded)|[^;]*\+(?:json|xml))/i

function isText(head: ResultHead): boolean {
  const encoding = head.headers['content-encoding']
  return (
    (encoding === undefined || encoding === 'identity') && TEXT_TYPE.test(head.headers['content-type'] ?? '')
  )
}

/** Returns the text of a body's `bytes` if they are valid UTF-8. */
function utf8(bytes: Buffer): string | undefined {
  const { isUtf8 } = process.getBuiltinModule('node:buffer')
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}
