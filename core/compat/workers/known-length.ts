/**
 * Tracks streams of known length: a response or request with a body of known length gets a Content-Length, as
 * on Workers.
 */

const lengths = new WeakMap<ReadableStream, number>()

export function setLength(stream: ReadableStream, length: number): void {
  lengths.set(stream, length)
}

/** Returns the length of a request's or response's body in bytes; undefined if it is unknown. */
export function lengthOf(body: unknown): number | undefined {
  if (body instanceof ReadableStream) return lengths.get(body)
  if (typeof body === 'string') return new TextEncoder().encode(body).byteLength
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return body.byteLength
  if (body instanceof Blob) return body.size
  if (body instanceof URLSearchParams) return new TextEncoder().encode(String(body)).byteLength
  return undefined
}

/**
 * Sets Content-Length on a request or response whose body is a stream of known length, unless the header is
 * set or the body has a content-encoding.
 */
export function declareLength(message: Request | Response): void {
  const { body, headers } = message
  const length = body === null ? undefined : lengths.get(body)
  if (length === undefined || headers.has('content-length') || headers.has('content-encoding')) return
  try {
    headers.set('content-length', String(length))
  } catch {
    // Only a fetched response has immutable headers, and it has a Content-Length of its own.
  }
}

/** Patches tee(), Blob.stream() and fetch so that they keep the known length of a stream. */
export function keepLengths(): void {
  const streams = ReadableStream.prototype
  // oxlint-disable-next-line typescript/unbound-method -- it is called on a stream
  const { tee } = streams
  Object.defineProperty(streams, 'tee', {
    value(this: ReadableStream): [ReadableStream, ReadableStream] {
      const halves = tee.call(this)
      const length = lengths.get(this)
      if (length !== undefined) for (const half of halves) lengths.set(half, length)
      return halves
    },
    writable: true,
    configurable: true,
  })
  const blobs = Blob.prototype
  // oxlint-disable-next-line typescript/unbound-method -- it is called on a blob
  const { stream } = blobs
  Object.defineProperty(blobs, 'stream', {
    value(this: Blob): ReadableStream {
      const own = stream.call(this)
      lengths.set(own, this.size)
      return own
    },
    writable: true,
    configurable: true,
  })
  const { fetch } = globalThis
  Object.defineProperty(globalThis, 'fetch', {
    value: function fetchWithLength(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
      const body = init?.body ?? (input instanceof Request ? input.body : undefined)
      const length = body instanceof ReadableStream ? lengths.get(body) : undefined
      if (length === undefined) return fetch(input, init)
      const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined))
      if (!headers.has('content-length')) headers.set('content-length', String(length))
      return fetch(input, { ...init, headers })
    },
    writable: true,
    configurable: true,
  })
}
