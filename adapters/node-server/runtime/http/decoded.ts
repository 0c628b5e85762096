/**
 * Bodies that undici's fetch has decoded. Their response still says `content-encoding`, so whoever hands such
 * a body on with the headers that it came with would announce bytes that it does not send.
 */
const bodies = new WeakSet<ReadableStream>()

/** Remembers the body of a fetched response, if it came encoded. */
export function rememberDecoded(response: Response): void {
  if (response.body !== null && response.headers.has('content-encoding')) bodies.add(response.body)
}

export function isDecoded(body: unknown): boolean {
  return body instanceof ReadableStream && bodies.has(body)
}

/** `headers` without what no longer holds of a decoded body. */
export function decodedHeaders(headers: HeadersInit): Headers {
  const decoded = new Headers(headers)
  decoded.delete('content-encoding')
  decoded.delete('content-length')
  return decoded
}
