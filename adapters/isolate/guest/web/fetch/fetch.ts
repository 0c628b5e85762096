import { onAbort } from '../events/abort.ts'
import { hasBody, takeBody } from './body.ts'
import { post, request } from '../bridge/bridge.ts'
import { readFromHost, writeToHost } from '../bridge/streams.ts'
import { flatHeaders, freezeHeaders } from './headers.ts'
import { fetchHere } from './fetch-here.ts'
import { Request } from './request.ts'
import { type ReceivedResponse, receivedResponse, type Response } from './response.ts'
import { isReadableStream } from '../late.ts'
import type { Bytes, ReadableStream } from '../streams.ts'

/** A body as it crosses the bridge: nothing, text, bytes, or a stream by its id. */
export type WireBody = null | string | Bytes | { stream: number }
/** A response as it crosses the bridge. */
export type WireResponse = ReceivedResponse<WireBody>

/** A body for the host. */
export function bodyToHost(source: string | Bytes | ReadableStream<Bytes> | null): WireBody {
  return isReadableStream(source) ? { stream: writeToHost(source) } : source
}

/** A body of the host's. */
export function bodyFromHost(body: WireBody): string | Bytes | ReadableStream<Bytes> | null {
  return body === null || typeof body === 'string' || body instanceof Uint8Array
    ? body
    : readFromHost(body.stream)
}

/** The Response that the host described. */
export function responseFromHost(received: WireResponse): Response {
  return receivedResponse(received, bodyFromHost(received[3]))
}

let nextFetch = 1

/** Sends a request by way of the host: over the network, or to a binding. */
export async function fetchByHost(
  operation: string,
  outgoing: Request,
  ...where: unknown[]
): Promise<Response> {
  const { signal } = outgoing
  signal.throwIfAborted()
  const id = nextFetch++
  const wire = {
    method: outgoing.method,
    url: outgoing.url,
    headers: flatHeaders(outgoing.headers),
    redirect: outgoing.redirect,
    body: bodyToHost(takeBody(outgoing)),
  }
  return new Promise<Response>((resolve, reject) => {
    const forget = onAbort(signal, () => {
      post('fetchAbort', id)
      reject(signal.reason)
    })
    request(operation, id, wire, ...where).then(
      (value) => {
        // Abort goes on to reach the body: the host breaks the stream off, so the listener stays until then.
        const response = responseFromHost(value as WireResponse)
        if (!hasBody(response)) forget()
        freezeHeaders(response.headers)
        resolve(response)
      },
      (error: unknown) => {
        forget()
        reject(error)
      },
    )
  })
}

/** The web's fetch. */
export async function fetch(
  input: unknown,
  init?: ConstructorParameters<typeof Request>[1],
): Promise<Response> {
  if (arguments.length === 0) throw new TypeError('fetch takes a URL or a Request')
  const request = new Request(input, init)
  return fetchHere(request) ?? fetchByHost('fetch', request)
}
