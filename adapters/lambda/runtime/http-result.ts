/** Head of an answer in the form that Function URLs and HTTP APIs take; the streaming prelude is its JSON. */
export interface ResultHead {
  readonly statusCode: number
  /** Without Set-Cookie: several joined into one header lose all but the first. */
  readonly headers: Readonly<Record<string, string>>
  /** One entry per Set-Cookie. */
  readonly cookies: readonly string[]
}

/** A buffered answer. */
export interface HttpResult extends ResultHead {
  readonly body: string
  readonly isBase64Encoded: boolean
}

/** Largest JSON text of a buffered answer, bytes: AWS's 6 MB. */
export const BUFFERED_LIMIT = 6 * 1024 * 1024

/** `response` as head and body. The body is null where HTTP allows none; what the handler gave there is cancelled. */
export function toHead(response: Response, method: string): { head: ResultHead; body: ReadableStream<Uint8Array<ArrayBuffer>> | null } {
  const { status } = response
  // Response.error() has status 0, which no client can get.
  const statusCode = status < 200 || status > 599 ? 500 : status
  const headers: Record<string, string> = {}
  response.headers.forEach((value, name) => {
    if (!SKIPPED.has(name)) headers[name] = value
  })
  const head = { statusCode, headers, cookies: response.headers.getSetCookie() }
  if (method !== 'HEAD' && statusCode !== 204 && statusCode !== 205 && statusCode !== 304) return { head, body: response.body }
  void response.body?.cancel().catch(() => undefined)
  return { head, body: null }
}

// Set-Cookie goes into cookies; the others describe the one connection between Lambda and the client, which is Lambda's.
const SKIPPED: ReadonlySet<string> = new Set(['set-cookie', 'connection', 'keep-alive', 'transfer-encoding', 'upgrade'])

/**
 * The buffered form of `response`. Undefined if it would be over {@link BUFFERED_LIMIT}, as soon as that is known; the rest of the body is cancelled.
 * Rejects with what the body rejects with.
 */
export async function toBufferedResult(response: Response, method: string): Promise<HttpResult | undefined> {
  const { head, body } = toHead(response, method)
  if (body === null) return { ...head, body: '', isBase64Encoded: false }
  const chunks: Uint8Array[] = []
  let size = 0
  // Leaving the loop cancels the stream.
  for await (const chunk of body) {
    size += checkChunk(chunk).byteLength
    if (size > BUFFERED_LIMIT) return undefined
    chunks.push(chunk)
  }
  const bytes = Buffer.concat(chunks, size)
  const text = isText(head) ? utf8(bytes) : undefined
  const result = text === undefined ? { ...head, body: bytes.toString('base64'), isBase64Encoded: true } : { ...head, body: text, isBase64Encoded: false }
  // Escapes make JSON longer than the body, so only its text tells. Small bodies cannot reach the limit: an escape is at most six times its byte.
  return size * 6 > BUFFERED_LIMIT - 65_536 && Buffer.byteLength(JSON.stringify(result)) > BUFFERED_LIMIT ? undefined : result
}

/** Throws for what the fetch standard does not allow in a body. */
export function checkChunk(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  throw new TypeError(`A response body's stream must give Uint8Array chunks, not ${typeof chunk}. Pipe text through a TextEncoderStream.`)
}

const TEXT_TYPE = /^(?:text\/|application\/(?:json|javascript|xml|x-www-form-urlencoded)|[^;]*\+(?:json|xml))/i

function isText(head: ResultHead): boolean {
  const encoding = head.headers['content-encoding']
  return (encoding === undefined || encoding === 'identity') && TEXT_TYPE.test(head.headers['content-type'] ?? '')
}

/** The text of `bytes` if they are exactly UTF-8. */
function utf8(bytes: Buffer): string | undefined {
  const { isUtf8 } = process.getBuiltinModule('node:buffer')
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}
