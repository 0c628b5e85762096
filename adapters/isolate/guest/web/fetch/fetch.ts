import { type AbortSignal, onAbort } from '../events/abort.ts'
import { lengthOf, noteLength } from '../body-length.ts'
import { hasBody, takeBody } from './body.ts'
import { post, request } from '../bridge/bridge.ts'
import { readFromHost, stopWriting, writeToHost } from '../bridge/streams.ts'
import { flatHeaders, freezeHeaders } from './headers.ts'
import { fetchHere } from './fetch-here.ts'
import { Request } from './request.ts'
import { type ReceivedResponse, receivedResponse, type Response } from './response.ts'
import { isReadableStream } from '../late.ts'
import type { Bytes, ReadableStream } from '../streams.ts'

/**
 * A request's or response's body as it crosses the bridge to the engine: null, text, bytes, or the id of a
 * stream with its length if known.
 */
export type WireBody = null | string | Bytes | { stream: number; length?: number }
/** A response as it crosses the bridge between isolate and engine. */
export type WireResponse = ReceivedResponse<WireBody>

/** Converts a request's or response's body for the bridge to the engine. */
export function bodyToHost(source: string | Bytes | ReadableStream<Bytes> | null): WireBody {
  if (!isReadableStream(source)) return source
  const length = lengthOf(source)
  const stream = writeToHost(source, true)
  return length === undefined ? { stream } : { stream, length }
}

/**
 * Returns the request's or response's body that the engine sent. `signal` and `done` are those of {@link
 * readFromHost}.
 */
export function bodyFromHost(
  body: WireBody,
  signal?: AbortSignal,
  done?: () => void,
): string | Bytes | ReadableStream<Bytes> | null {
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) return body
  const stream = readFromHost(body.stream, signal, done)
  if (body.length !== undefined) noteLength(stream, body.length)
  return stream
}

/** Creates the Response that the engine described. `signal` and `done` are those of {@link readFromHost}. */
export function responseFromHost(received: WireResponse, signal?: AbortSignal, done?: () => void): Response {
  return receivedResponse(received, bodyFromHost(received[3], signal, done))
}

let nextFetch = 1

/** Sends a request through the engine: over the network, or to a binding. */
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
    const { body } = wire
    // An abort also reaches the bodies of request and response, so its listener stays until the response's
    // body has been read.
    const forget = onAbort(signal, () => {
      post('fetchAbort', id)
      if (body !== null && typeof body === 'object' && 'stream' in body)
        stopWriting(body.stream, signal.reason)
      reject(signal.reason)
    })
    request(operation, id, wire, ...where).then(
      (value) => {
        const response = responseFromHost(value as WireResponse, signal, forget)
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

/** The global `fetch` in an isolate; the engine sends its requests. */
export async function fetch(
  input: unknown,
  init?: ConstructorParameters<typeof Request>[1],
): Promise<Response> {
  if (arguments.length === 0) throw new TypeError('fetch takes a URL or a Request')
  const request = new Request(input, init)
  return fetchHere(request) ?? fetchByHost('fetch', request)
}
