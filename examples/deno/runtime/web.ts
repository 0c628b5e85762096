/** Corrections where Deno's fetch and server differ from unmoor's other targets. */

/**
 * Content codings that Deno decodes if it has asked for them itself. Deno keeps the header
 * `content-encoding`, and the length of the encoded body.
 */
const DECODED = /^(?:gzip|br)$/

/** Replaces `fetch`, so that decoded responses no longer have headers that describe an encoded body. */
export function installFetch(): void {
  const nativeFetch = globalThis.fetch
  globalThis.fetch = async (input, init) => {
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : {}))
    const response = await nativeFetch(input, withBytes(init))
    return headers.has('accept-encoding') ? response : decoded(response)
  }
}

function decoded(response: Response): Response {
  const { body, status, statusText, url, redirected } = response
  if (body === null || !DECODED.test(response.headers.get('content-encoding') ?? '')) return response
  const headers = new Headers(response.headers)
  headers.delete('content-encoding')
  headers.delete('content-length')
  return withUrl(new Response(body, { status, statusText, headers }), url, redirected)
}

/** Sets properties of a response that its constructor cannot set, also on its clones. */
function withUrl(response: Response, url: string, redirected: boolean): Response {
  const { headers } = response
  const refuse = (): never => {
    throw new TypeError('The headers of a fetched answer are immutable.')
  }
  for (const name of ['append', 'set', 'delete']) Object.defineProperty(headers, name, { value: refuse })
  const clone = response.clone.bind(response)
  return Object.defineProperties(response, {
    headers: { value: headers },
    url: { value: url },
    redirected: { value: redirected },
    clone: { value: () => withUrl(clone(), url, redirected) },
  })
}

function withBytes(init: RequestInit | undefined): RequestInit | undefined {
  return init?.body instanceof ReadableStream ? { ...init, body: bytesOf(init.body) } : init
}

/**
 * Prepares a response for Deno to send: chunks become bytes, and Deno determines the length of a body. An
 * answer to HEAD keeps a valid `content-length`, which is that of GET.
 */
export function toSend(response: Response, method: string): Response {
  const { body, status, statusText } = response
  const length = response.headers.get('content-length')
  const keepsLength = length === null || (body === null && method === 'HEAD' && /^\d+$/.test(length))
  const isStream = body !== null && !isByteStream(body)
  if (keepsLength && !isStream) return response
  const headers = new Headers(response.headers)
  if (!keepsLength) headers.delete('content-length')
  return new Response(isStream ? bytesOf(body) : body, { status, statusText, headers })
}

/** True for a stream of bytes only: that of a body in memory, or of a fetched one. */
function isByteStream(stream: ReadableStream): boolean {
  try {
    stream.getReader({ mode: 'byob' }).releaseLock()
    return true
  } catch {
    return false
  }
}

const encoder = new TextEncoder()

function bytesOf(stream: ReadableStream): ReadableStream<Uint8Array<ArrayBuffer>> {
  return stream.pipeThrough(
    new TransformStream<unknown, Uint8Array<ArrayBuffer>>(
      { transform: (chunk, controller) => controller.enqueue(toBytes(chunk)) },
      undefined,
      { highWaterMark: 0 },
    ),
  )
}

function toBytes(chunk: unknown): Uint8Array<ArrayBuffer> {
  if (typeof chunk === 'string') return encoder.encode(chunk)
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk)
  if (ArrayBuffer.isView(chunk))
    return new Uint8Array(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.byteLength)
  throw new TypeError(`A body's stream gave a chunk of type ${typeof chunk}.`)
}
