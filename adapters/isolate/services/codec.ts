import { BlobObject } from '../../../core/bindings/blob-object.ts'
import type { BlobRecord } from '../../../core/bindings/drivers.ts'
import { invalidArgument } from '../../../core/errors.ts'
import { CODING } from '../../../core/runtime/coding.ts'
import type { OutboundRequest } from './outbound/client.ts'
import { isStream, ownBytes, type StreamTable } from './streams.ts'

/**
 * A body as it crosses the bridge to or from an isolate: nothing, text, bytes, or a stream by its id, with
 * its length if known.
 */
export type WireBody = null | string | Uint8Array<ArrayBuffer> | { stream: number; length?: number }
/** A response as it crosses the bridge to an isolate; see `guest/web/fetch/fetch.ts`. */
export type WireResponse = [
  status: number,
  statusText: string,
  headers: string[],
  body: WireBody,
  url: string,
  redirected: boolean,
  coding?: string,
]

/**
 * Bytes of the largest blob that crosses the bridge together with its metadata, in one crossing instead of
 * four.
 */
const INLINE = 64 * 1024

/** Decodes a request's or response's body that the isolate's code has sent. */
export function bodyFromGuest(
  body: unknown,
  streams: StreamTable,
): string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null {
  if (body === null || body === undefined) return null
  if (typeof body === 'string' || body instanceof Uint8Array) return body as string | Uint8Array<ArrayBuffer>
  return streams.fromGuest((body as { stream?: unknown }).stream)
}

/**
 * Encodes a response for the isolate's code, with its body as a stream. `content` is the body if that has
 * been taken from the response.
 */
export function responseToGuest(
  response: Response,
  streams: StreamTable,
  content: ReadableStream<Uint8Array> | null = response.body,
): WireResponse {
  const headers: string[] = []
  const isDecoded = content !== null && wasDecoded(response)
  for (const [name, value] of response.headers)
    if (!isDecoded || (name !== 'content-encoding' && name !== 'content-length')) headers.push(name, value)
  const length = isDecoded ? undefined : response.headers.get('content-length')
  const body = content === null ? null : wireStream(streams.toGuest(content), length)
  const { status, statusText, url, redirected } = response
  const coding = isDecoded
    ? (response.headers.get('content-encoding') ?? undefined)
    : (response as { [CODING]?: string })[CODING]
  const wire: WireResponse = [status, statusText, headers, body, url, redirected]
  if (coding !== undefined) wire[6] = coding
  return wire
}

/**
 * Codings that Node's own `fetch` decodes without removing `content-encoding`. unmoor's own client
 * (`outbound/response.ts`) removes it.
 */
const DECODED_BY_NODE =
  /^\s*(?:x-gzip|gzip|deflate|br|zstd)\s*(?:,\s*(?:x-gzip|gzip|deflate|br|zstd)\s*){0,4}$/i

// True if `fetch` has decoded the body. A Response without a URL was made, not fetched, so its
// `content-encoding` is true of its body.
function wasDecoded({ url, headers }: Response): boolean {
  return url !== '' && DECODED_BY_NODE.test(headers.get('content-encoding') ?? '')
}

/**
 * Returns a body's stream as it crosses the bridge to the isolate, with the length that a valid
 * content-length declares.
 */
export function wireStream(stream: number, contentLength: string | null | undefined): WireBody {
  return contentLength !== undefined && contentLength !== null && /^\d{1,15}$/.test(contentLength)
    ? { stream, length: Number(contentLength) }
    : { stream }
}

/** Decodes a request of the isolate's code to the network. */
export function outboundFromGuest(data: unknown, streams: StreamTable): OutboundRequest {
  const { method, url, headers, redirect, body } = data as Record<string, unknown>
  return {
    method: String(method),
    url: String(url),
    headers: pairs(headers),
    redirect: redirect === 'manual' || redirect === 'error' ? redirect : 'follow',
    body: bodyFromGuest(body, streams),
    length: lengthFromGuest(body),
  }
}

function lengthFromGuest(body: unknown): number | undefined {
  const length: unknown =
    typeof body === 'object' && body !== null && 'length' in body && !(body instanceof Uint8Array)
      ? body.length
      : undefined
  return Number.isSafeInteger(length) && (length as number) >= 0 ? (length as number) : undefined
}

/** Decodes a request of the isolate's code. @throws TypeError if it is no valid request. */
export function requestFromGuest(data: unknown, streams: StreamTable, signal?: AbortSignal): Request {
  const { method, url, headers, redirect, body } = outboundFromGuest(data, streams)
  const init: RequestInit & { duplex: 'half' } = {
    method,
    redirect,
    headers: headers as [string, string][],
    duplex: 'half',
  }
  if (body !== null) init.body = body
  if (signal !== undefined) init.signal = signal
  return new Request(url, init)
}

/** Converts a flat list from the isolate's code, of names and values in turn, to pairs. */
export function pairs(flat: unknown): [string, string][] {
  const result: [string, string][] = []
  if (Array.isArray(flat))
    for (let index = 0; index + 1 < flat.length; index += 2)
      result.push([String(flat[index]), String(flat[index + 1])])
  return result
}

/** Context in which the arguments of one binding call are decoded. */
export interface ArgumentContext {
  binding: string
  operation: string
  streams: StreamTable
  /** Returns the signal that follows the isolate's AbortSignal of that id. */
  signal(id: unknown, aborted: boolean): AbortSignal
}

/**
 * Decodes an argument of the isolate's code to what the portable classes take. The guest's data is a copy, so
 * reading it runs no code of a tenant.
 */
export function decodeArgument(value: unknown, context: ArgumentContext): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array || value instanceof ArrayBuffer || value instanceof Date) return value
  if (Array.isArray(value)) return Array.from(value, (item: unknown) => decodeArgument(item, context))
  if (!Object.hasOwn(value, '$')) return decodeObject(value, context)
  const tagged = value as Record<string, unknown>
  switch (tagged['$']) {
    case 'stream':
      return context.streams.fromGuest(tagged['id'])
    case 'file':
      return new Blob([tagged['bytes'] as Uint8Array<ArrayBuffer>], { type: String(tagged['type']) })
    case 'signal':
      return context.signal(tagged['id'], tagged['aborted'] === true)
    case 'request':
      return requestFromGuest(tagged, context.streams)
    case 'response':
      return new Response(bodyFromGuest(tagged['body'], context.streams), {
        status: Number(tagged['status']),
        statusText: String(tagged['statusText']),
        headers: pairs(tagged['headers']),
      })
    case 'map':
      return new Map(decodeArgument(tagged['value'], context) as [unknown, unknown][])
    case 'set':
      return new Set(decodeArgument(tagged['value'], context) as unknown[])
    case 'object':
      return decodeObject(tagged['value'] as object, context)
  }
  throw invalidArgument(
    context,
    `${context.binding}.${context.operation}: an argument did not cross the bridge.`,
  )
}

function decodeObject(object: object, context: ArgumentContext): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key, decodeArgument(value, context)]),
  )
}

/** Encodes the result of a binding's method for the isolate's code. */
export async function encodeResult(value: unknown, streams: StreamTable): Promise<unknown> {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return ownBytes(value)
  if (value instanceof ArrayBuffer || value instanceof Date || value instanceof Map) return value
  if (value instanceof BlobObject) return encodeBlob(value, streams)
  if (value instanceof Response) return { $: 'response', response: responseToGuest(value, streams) }
  if (isStream(value)) return { $: 'stream', id: streams.toGuest(value) }
  if (Array.isArray(value)) return Promise.all(value.map((item) => encodeResult(item, streams)))
  // The result of a kv's `getWithMetadata` with type `stream` contains a stream.
  if ('value' in value && isStream(value.value))
    return { $: 'entry', entry: { ...value, value: null }, stream: streams.toGuest(value.value) }
  // An app's row or JSON value with a member `$` is wrapped, as `$` marks encoded values.
  return Object.hasOwn(value, '$') ? { $: 'object', value } : value
}

async function encodeBlob(blob: BlobObject, streams: StreamTable): Promise<unknown> {
  const { key, size, etag, uploaded, httpMetadata, customMetadata, range } = blob
  const record: BlobRecord = {
    key,
    size,
    etag,
    uploaded: uploaded.getTime(),
    httpMetadata: { ...httpMetadata },
    customMetadata: { ...customMetadata },
  }
  let body: WireBody = null
  if (!blob.notModified)
    body =
      range.length <= INLINE
        ? await blob.bytes()
        : {
            stream: streams.toGuest(blob.body as ReadableStream<Uint8Array<ArrayBuffer>>),
            length: range.length,
          }
  return { $: 'blob', record, range: { ...range }, body }
}
