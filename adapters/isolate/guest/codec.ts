/**
 * Encodes arguments and results of binding calls for the bridge. Values that structured cloning copies, such
 * as dates and bytes, go unchanged; streams, blobs, requests, responses and signals are tagged with `$`.
 */
import { BlobObject } from '../../../core/bindings/blob-object.ts'
import type { BlobRecord } from '../../../core/bindings/drivers.ts'
import { invalidArgument } from '../../../core/errors.ts'
import { link } from './link.ts'
import type { WireBody, WireResponse } from './web/fetch/fetch.ts'

type Where = { binding: string; operation: string }
/** A binding call's result that is more than plain data, tagged with its type by the engine. */
type Tagged =
  | { $: 'blob'; record: BlobRecord; range: { offset: number; length: number }; body: WireBody }
  | { $: 'stream'; id: number }
  | { $: 'entry'; entry: object; stream: number }
  | { $: 'response'; response: WireResponse }
  | { $: 'object'; value: unknown }

/**
 * Deepest nesting of a binding call's argument. A deeper argument is a mistake or an attack, and JSON and
 * structured cloning fail not far beyond this depth.
 */
const MAX_DEPTH = 200

/** Encodes one argument of a binding call. @throws `InvalidArgument` for functions, symbols and cycles. */
export function encodeArgument(value: unknown, where: Where, depth = 0): unknown {
  if (typeof value === 'function' || typeof value === 'symbol')
    throw invalidArgument(where, `${where.binding}.${where.operation}: a ${typeof value} is no data.`)
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH)
    throw invalidArgument(
      where,
      `${where.binding}.${where.operation}: the value is nested too deep, or in a circle.`,
    )
  if (ArrayBuffer.isView(value))
    return new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength).slice()
  if (value instanceof ArrayBuffer) return value.slice()
  if (value instanceof Date) return new Date(value.getTime())
  // Streams and blobs among a binding call's arguments are recognised through the link object: reading the
  // globals `ReadableStream` and `Blob` would create them, and the app may never use them.
  if (link.isReadableStream(value)) return { $: 'stream', id: link.writeToHost(value as never) }
  if (link.isBlob(value)) return { $: 'file', bytes: link.blobBytes(value).slice(), type: value.type }
  if (link.isSignal(value)) return encodeSignal(value as never)
  if (value instanceof URL) return value.href
  if (value instanceof Request) {
    const { method, url, redirect } = value
    return {
      $: 'request',
      method,
      url,
      redirect,
      headers: link.flatHeaders(value.headers as never),
      body: link.bodyToHost(link.takeBody(value as never)),
    }
  }
  if (value instanceof Response) {
    return {
      $: 'response',
      status: value.status,
      statusText: value.statusText,
      headers: link.flatHeaders(value.headers as never),
      body: link.bodyToHost(link.takeBody(value as never)),
    }
  }
  if (Array.isArray(value))
    return Array.from(value, (item: unknown) => encodeArgument(item, where, depth + 1))
  if (value instanceof Map || value instanceof Set)
    return {
      $: value instanceof Map ? 'map' : 'set',
      value: Array.from(value, (item: unknown) => encodeArgument(item, where, depth + 1)),
    }
  const object: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const key of Object.keys(value))
    object[key] = encodeArgument((value as Record<string, unknown>)[key], where, depth + 1)
  return '$' in object ? { $: 'object', value: object } : object
}

let nextSignal = 1
function encodeSignal(signal: AbortSignal): unknown {
  const id = nextSignal++
  if (!signal.aborted) link.onAbort(signal as never, () => link.post('signal', id))
  return { $: 'signal', id, aborted: signal.aborted }
}

/** Decodes the result of a binding call that the engine sent. */
export function decodeResult(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(decodeResult)
  if (!('$' in value)) return value
  const tagged = value as Tagged
  switch (tagged.$) {
    case 'blob':
      return new BlobObject(tagged.record, link.bodyFromHost(tagged.body) as never, tagged.range)
    case 'stream':
      return link.readFromHost(tagged.id)
    case 'entry':
      return { ...tagged.entry, value: link.readFromHost(tagged.stream) }
    case 'response':
      return link.responseFromHost(tagged.response)
    case 'object':
      return tagged.value
  }
  return value
}
