/**
 * Puts unmoor's Response, Request and fetch in place of undici's, for the app in an artifact. Apps see no difference but two of Workers' own:
 * a stream as a body needs no `duplex: 'half'`, and a request that is passed on takes its connection's headers not along.
 */
import { nativeFetch, NativeRequest, NativeResponse } from './native.ts'
import { IncomingRequest } from './request.ts'
import { Response } from './response.ts'

/** Headers that speak of one connection (RFC 9110, section 7.6.1), or of the host that it went to; undici refuses most of them. */
const CONNECTION_HEADERS = ['connection', 'expect', 'host', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']

class UnmoorRequest extends NativeRequest {
  constructor(input: RequestInfo | URL, init?: RequestInit) {
    super(IncomingRequest.toNative(input) as RequestInfo, withDuplex(init))
  }

  static override [Symbol.hasInstance](this: unknown, value: unknown): boolean {
    // Incoming requests, clones and undici's own are Requests too; a subclass of an app's own is asked the usual way.
    if (this === UnmoorRequest) return NativeRequest.prototype.isPrototypeOf(value as object)
    return Function.prototype[Symbol.hasInstance].call(this, value)
  }
}
Object.defineProperty(UnmoorRequest, 'name', { value: 'Request' })

function withDuplex(init: RequestInit | undefined): RequestInit | undefined {
  if (typeof init !== 'object' || init === null || !(init.body instanceof ReadableStream) || 'duplex' in init) return init
  // An init may be a Request, whose fields are getters of its prototype: inherited, not copied.
  return Object.create(init, { duplex: { value: 'half', enumerable: true } }) as RequestInit
}

async function fetch(input: RequestInfo | URL, init?: RequestInit): Promise<globalThis.Response> {
  const request = new UnmoorRequest(input, init)
  for (const name of CONNECTION_HEADERS) request.headers.delete(name)
  return nativeFetch(request)
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
