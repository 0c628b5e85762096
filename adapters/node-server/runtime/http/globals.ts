/**
 * Puts unmoor's Response, Request and fetch in place of undici's, for the app in an artifact. Apps see no
 * difference but those of `fetch.ts`, which Workers have too.
 */
import { createFetch } from './fetch.ts'
import { nativeFetch, NativeRequest, NativeResponse } from './native.ts'
import { IncomingRequest } from './request.ts'
import { Response } from './response.ts'

/** Installs them, once. Whatever captures the globals at import must be imported later. */
export function installGlobals(): void {
  if (globalThis.Response === Response) return
  const { fetch, Request } = createFetch({
    fetch: nativeFetch,
    Request: NativeRequest,
    toNative: (input) => IncomingRequest.toNative(input),
  })
  for (const [name, value] of Object.entries({ Response, Request, fetch })) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
  }
  // So that `fetched.constructor === Response` holds.
  Object.defineProperty(NativeResponse.prototype, 'constructor', {
    value: Response,
    writable: true,
    configurable: true,
  })
  Object.defineProperty(NativeRequest.prototype, 'constructor', {
    value: Request,
    writable: true,
    configurable: true,
  })
}
