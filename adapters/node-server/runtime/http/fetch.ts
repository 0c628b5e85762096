/**
 * `fetch` and `Request` as apps know them from Workers, built on undici's. A stream as a body needs no
 * `duplex: 'half'` and may contain text and other views. A forwarded request drops the headers of its own
 * connection. A decoded response has no content-encoding. A known body length is sent as content-length. An
 * abort always reaches the call.
 */
import { bytesOf, chunkBytes } from './chunk.ts'
import { withoutCoding } from './decoded.ts'
import { withoutForm } from './forms.ts'
import { knownLength } from './known-length.ts'

/** Native fetch, Request and conversion that {@link createFetch} builds on. */
export interface NativeFetch {
  fetch: typeof globalThis.fetch
  Request: typeof globalThis.Request
  /** Converts an incoming request to its native Request; returns any other value unchanged. */
  readonly toNative: (input: unknown) => unknown
}

/**
 * Headers that describe one connection (RFC 9110, section 7.6.1) or its host; undici rejects most of them.
 */
const CONNECTION_HEADERS = [
  'connection',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** Names of all fields of RequestInit, including undici's `dispatcher`. */
const INIT_FIELDS = [
  'body',
  'cache',
  'credentials',
  'dispatcher',
  'duplex',
  'headers',
  'integrity',
  'keepalive',
  'method',
  'mode',
  'priority',
  'redirect',
  'referrer',
  'referrerPolicy',
  'signal',
  'window',
]

export function createFetch({ fetch: nativeFetch, Request: NativeRequest, toNative }: NativeFetch): {
  fetch: typeof globalThis.fetch
  Request: typeof globalThis.Request
} {
  // undici's Request holds its signal by a weak reference: the abort is lost if the Request is
  // garbage-collected during its call. So the signal that the app passed is remembered here, and the call
  // uses it.
  const signals = new WeakMap<object, AbortSignal>()
  // The original body that each Request was constructed with, since `request.body` is always a stream.
  const bodies = new WeakMap<object, unknown>()

  function signalOf(input: unknown): AbortSignal | undefined {
    if (typeof input !== 'object' || input === null) return undefined
    return (
      signals.get(input) ??
      (NativeRequest.prototype.isPrototypeOf(input) ? (input as Request).signal : undefined)
    )
  }

  /** Returns the original body that a Request was constructed with; null if it has none. */
  function bodyOf(input: unknown): unknown {
    if (typeof input !== 'object' || input === null || !NativeRequest.prototype.isPrototypeOf(input))
      return null
    return bodies.get(input) ?? (input as Request).body
  }

  class UnmoorRequest extends NativeRequest {
    constructor(input: RequestInfo | URL, init?: RequestInit) {
      super(toNative(input) as RequestInfo, adaptBody(init))
      const signal = init?.signal === undefined ? signalOf(input) : init.signal
      if (signal !== undefined && signal !== null) signals.set(this, signal)
      const body = init?.body ?? bodyOf(input)
      if (body !== null) bodies.set(this, body)
    }

    override clone(): Request {
      const copy = super.clone()
      const signal = signals.get(this)
      if (signal !== undefined) signals.set(copy, signal)
      if (bodies.has(this)) bodies.set(copy, bodies.get(this))
      return copy
    }

    static override [Symbol.hasInstance](this: unknown, value: unknown): boolean {
      // Incoming requests, clones and undici's own requests count as instances of Request. A Request subclass
      // of the app's own uses the default `instanceof`.
      if (this === UnmoorRequest) return NativeRequest.prototype.isPrototypeOf(value as object)
      return Function.prototype[Symbol.hasInstance].call(this, value)
    }
  }
  Object.defineProperty(UnmoorRequest, 'name', { value: 'Request' })

  async function fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const source = toNative(input) as RequestInfo
    const changes: Record<string, unknown> = {}
    const given = init?.headers ?? (source instanceof NativeRequest ? source.headers : undefined)
    const body = init?.body ?? bodyOf(input)
    const headers =
      given === undefined && !(body instanceof ReadableStream) ? undefined : sentHeaders(given, body)
    if (headers !== undefined) changes['headers'] = headers
    const signal = init?.signal === undefined ? signalOf(input) : undefined
    if (signal !== undefined) changes['signal'] = signal
    const changed = Object.keys(changes).length === 0 ? init : changedInit(init, changes)
    return withoutCoding(await nativeFetch(source, adaptBody(changed)))
  }

  return { fetch, Request: UnmoorRequest }
}

/**
 * Returns the headers that `fetch` sends along with `body`; undefined if the headers `given` need no change.
 */
function sentHeaders(given: HeadersInit | undefined, body: unknown): Headers | undefined {
  const headers = new Headers(given)
  const unwanted = CONNECTION_HEADERS.filter((name) => headers.has(name))
  for (const name of unwanted) headers.delete(name)
  let isChanged = unwanted.length > 0
  // A content-length that the app set counts only for a stream of unknown length. Otherwise it is corrected:
  // headers forwarded with another body, or with none, would leave the receiver waiting.
  const length = body instanceof ReadableStream ? knownLength(body) : null
  if (length === null && headers.has('content-length')) {
    headers.delete('content-length')
    isChanged = true
  } else if (typeof length === 'number' && headers.get('content-length') !== String(length)) {
    headers.set('content-length', String(length))
    isChanged = true
  }
  return isChanged ? headers : undefined
}

/**
 * Adapts the body in the options of `fetch` or Request for undici: adds the `duplex` that Node requires for a
 * stream, converts the stream's chunks to bytes, and encodes a form as unmoor does.
 */
function adaptBody(init: RequestInit | undefined): RequestInit | undefined {
  if (typeof init !== 'object' || init === null || typeof init.body !== 'object' || init.body === null)
    return init
  const { body } = init
  if (body instanceof ReadableStream)
    return changedInit(init, { duplex: 'half', body: bytesOf(body, chunkBytes) })
  return body instanceof FormData ? changedInit(init, { body: withoutForm(body) }) : init
}

/**
 * Returns a plain copy of fetch's options with `changes`. The copy is field by field, as an init may be a
 * Request, whose fields are getters.
 */
function changedInit(init: RequestInit | undefined, changes: Record<string, unknown>): RequestInit {
  const copy: Record<string, unknown> = {}
  for (const name of INIT_FIELDS) {
    const value = (init as Record<string, unknown> | undefined)?.[name]
    if (value !== undefined) copy[name] = value
  }
  return { ...copy, ...changes }
}
