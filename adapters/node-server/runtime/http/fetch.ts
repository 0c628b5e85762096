/**
 * `fetch` and `Request` as apps know them from Workers, over undici's: a stream as a body needs no
 * `duplex: 'half'` and may hold text and other views, a request that is passed on leaves the headers of its
 * own connection behind, an answer that was decoded does not say that it is encoded, a known length of a
 * body is the one that is sent, and an abort always reaches the call.
 */
import { bytesOf, chunkBytes } from './chunk.ts'
import { withoutCoding } from './decoded.ts'
import { withoutForm } from './forms.ts'
import { knownLength } from './known-length.ts'

/** What {@link createFetch} builds on. */
export interface NativeFetch {
  fetch: typeof globalThis.fetch
  Request: typeof globalThis.Request
  /** The real Request of an incoming one; anything else as it is. */
  readonly toNative: (input: unknown) => unknown
}

/**
 * Headers that speak of one connection (RFC 9110, section 7.6.1), or of the host that it went to; undici
 * refuses most of them.
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

/** Fields of RequestInit, undici's `dispatcher` among them. */
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
  // A Request of undici's follows its signal by a weak reference: an abort is lost where the Request is
  // collected while its call is under way. So the signal that the app gave is remembered, and the call
  // follows that one.
  const signals = new WeakMap<object, AbortSignal>()
  // What a Request's body was made of, as its own is a stream in any case.
  const bodies = new WeakMap<object, unknown>()

  function signalOf(input: unknown): AbortSignal | undefined {
    if (typeof input !== 'object' || input === null) return undefined
    return (
      signals.get(input) ??
      (NativeRequest.prototype.isPrototypeOf(input) ? (input as Request).signal : undefined)
    )
  }

  /** What the body of a Request was made of; null where it has none. */
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
      // Incoming requests, clones and undici's own are Requests too; a subclass of an app's own is asked the
      // usual way.
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

/** `given` as it can be sent with `body`; undefined where nothing has to change. */
function sentHeaders(given: HeadersInit | undefined, body: unknown): Headers | undefined {
  const headers = new Headers(given)
  const unwanted = CONNECTION_HEADERS.filter((name) => headers.has(name))
  for (const name of unwanted) headers.delete(name)
  let isChanged = unwanted.length > 0
  // The length of a stream that nobody knows is the app's promise; any other is not the app's to say. Headers
  // that are passed on to a request with another body, or none, would leave the other end waiting.
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
 * An init with what fetch in Node asks for beside a stream, and of that stream; with a form as unmoor writes
 * it.
 */
function adaptBody(init: RequestInit | undefined): RequestInit | undefined {
  if (typeof init !== 'object' || init === null || typeof init.body !== 'object' || init.body === null)
    return init
  const { body } = init
  if (body instanceof ReadableStream)
    return changedInit(init, { duplex: 'half', body: bytesOf(body, chunkBytes) })
  return body instanceof FormData ? changedInit(init, { body: withoutForm(body) }) : init
}

/** A plain copy, as an init may be a Request, whose fields are getters. */
function changedInit(init: RequestInit | undefined, changes: Record<string, unknown>): RequestInit {
  const copy: Record<string, unknown> = {}
  for (const name of INIT_FIELDS) {
    const value = (init as Record<string, unknown> | undefined)?.[name]
    if (value !== undefined) copy[name] = value
  }
  return { ...copy, ...changes }
}
