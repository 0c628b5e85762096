import type { ClientRequest } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Hop } from './hop.ts'

/** Returns the headers that say how an outbound request's body is framed. */
export function bodyHeaders({ body, length, method }: Hop): Record<string, string> {
  if (body instanceof ReadableStream)
    return length === undefined ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(length) }
  if (body === null)
    return method === 'POST' || method === 'PUT' || method === 'PATCH' ? { 'content-length': '0' } : {}
  return { 'content-length': String(body.byteLength) }
}

/**
 * Sends the body of an outbound request. `fail` is called with the error that keeps the body from being sent.
 */
export function sendBody(
  outgoing: ClientRequest,
  { body, length }: Hop,
  fail: (error: unknown) => void,
): void {
  if (!(body instanceof ReadableStream)) return void outgoing.end(body ?? undefined)
  const stream = Readable.fromWeb(body as never)
  const sent = length === undefined ? pipeline(stream, outgoing) : pipeline(stream, exactly(length), outgoing)
  sent.catch(fail)
}

// Checks that a streamed request body has exactly the announced length: a byte more would be read as the next
// request, and with a byte less the server would wait.
function exactly(length: number): (source: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array> {
  return async function* (source) {
    let size = 0
    for await (const chunk of source) {
      size += chunk.byteLength
      if (size > length) throw new TypeError(`the body has more bytes than its content-length of ${length}`)
      yield chunk
    }
    if (size < length) throw new TypeError(`the body ended before its content-length of ${length} bytes`)
  }
}
