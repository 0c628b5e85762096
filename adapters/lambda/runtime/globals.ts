/**
 * Mends what undici has different from Workers, so that the same code runs on both: a stream as a body needs no `duplex: 'half'`, and a request that is
 * passed on with `fetch` leaves the headers of its own connection behind.
 */

import { adoptRequest, EventRequest } from './event-request.ts'

/** Headers that speak of one connection (RFC 9110, section 7.6.1), or of the host that it went to; undici refuses most of them. */
const CONNECTION_HEADERS = ['connection', 'expect', 'host', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']

let installed = false

/**
 * Installs them, once. Not at import: to look at `globalThis.Request` loads undici, which takes longer than the rest of a start. So it is done while the first event is
 * waited for, and at the latest before it is handled.
 */
export function installGlobals(): void {
  if (installed) return
  installed = true
  adoptRequest(globalThis.Request)
  const nativeFetch = globalThis.fetch
  const fetch: typeof globalThis.fetch = (input, init) => {
    let request: Request
    try {
      request = new Request(input, init)
    } catch (error) {
      return Promise.reject(error)
    }
    for (const name of CONNECTION_HEADERS) request.headers.delete(name)
    return nativeFetch(request)
  }
  for (const [name, value] of Object.entries({ fetch, Request: requestClass(globalThis.Request) })) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
  }
}

function requestClass(Native: typeof Request): typeof Request {
  return class Request extends Native {
    constructor(input: RequestInfo | URL, init?: RequestInit) {
      super(EventRequest.toNative(input) as RequestInfo, withDuplex(init))
    }

    // What undici makes itself, such as a clone, is a Request too.
    static override [Symbol.hasInstance](value: unknown): boolean {
      return Native.prototype.isPrototypeOf(value as object)
    }
  }
}

function withDuplex(init: RequestInit | undefined): RequestInit | undefined {
  if (typeof init !== 'object' || init === null || !(init.body instanceof ReadableStream) || 'duplex' in init) return init
  // An init may be a Request, whose fields are getters of its prototype: inherited, not copied.
  return Object.create(init, { duplex: { value: 'half', enumerable: true } }) as RequestInit
}
