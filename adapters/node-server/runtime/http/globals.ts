/**
 * Puts unmoor's Response, Request and fetch in place of undici's, for the app in an artifact. Apps see no
 * difference but two of Workers' own: a stream as a body needs no `duplex: 'half'`, and a request that is
 * passed on takes its connection's headers not along.
 */
import { rememberDecoded } from './decoded.ts'
import { nativeFetch, NativeRequest, NativeResponse } from './native.ts'
import { IncomingRequest } from './request.ts'
import { Response } from './response.ts'

/**
 * Headers that speak of one connection (RFC 9110, section 7.6.1), or of the host that it went to; undici
 * refuses most of them.
 */
const CONNECTION_HEADERS = ['connection', 'expect', 'host', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']

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

class UnmoorRequest extends NativeRequest {
  constructor(input: RequestInfo | URL, init?: RequestInit) {
    super(IncomingRequest.toNative(input) as RequestInfo, withDuplex(init))
  }

  static override [Symbol.hasInstance](this: unknown, value: unknown): boolean {
    // Incoming requests, clones and undici's own are Requests too; a subclass of an app's own is asked the
    // usual way.
    if (this === UnmoorRequest) return NativeRequest.prototype.isPrototypeOf(value as object)
    return Function.prototype[Symbol.hasInstance].call(this, value)
  }
}
Object.defineProperty(UnmoorRequest, 'name', { value: 'Request' })

/** An init with what fetch in Node asks for beside a stream. */
function withDuplex(init: RequestInit | undefined): RequestInit | undefined {
  if (typeof init !== 'object' || init === null || !(init.body instanceof ReadableStream) || 'duplex' in init) return init
  return changedInit(init, { duplex: 'half' })
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

// No Request of ours stands between: undici holds an abort only as long as each Request on its way lives.
async function fetch(input: RequestInfo | URL, init?: RequestInit): Promise<globalThis.Response> {
  const source = IncomingRequest.toNative(input) as RequestInfo
  const given = init?.headers ?? (source instanceof NativeRequest ? source.headers : undefined)
  const headers = given === undefined ? undefined : new Headers(given)
  const unwanted = CONNECTION_HEADERS.filter((name) => headers?.has(name))
  for (const name of unwanted) headers?.delete(name)
  const response = await nativeFetch(source, withDuplex(unwanted.length === 0 ? init : changedInit(init, { headers })))
  rememberDecoded(response)
  return response
}

/** Installs them, once. Whatever captures the globals at import must be imported later. */
export function installGlobals(): void {
  if (globalThis.Response === Response) return
  const define = (name: string, value: unknown): void => {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
  }
  define('Response', Response)
  define('Request', UnmoorRequest)
  define('fetch', fetch)
  // So that `fetched.constructor === Response` holds.
  Object.defineProperty(NativeResponse.prototype, 'constructor', { value: Response, writable: true, configurable: true })
  Object.defineProperty(NativeRequest.prototype, 'constructor', { value: UnmoorRequest, writable: true, configurable: true })
}
