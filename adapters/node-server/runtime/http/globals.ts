/**
 * Installs unmoor's Response, Request and fetch as globals of an artifact, in place of undici's. The only
 * differences that apps see are those of `fetch.ts`, which Workers have too.
 */
import { createFetch } from './fetch.ts'
import { installForms } from './forms.ts'
import { nativeFetch, NativeRequest, NativeResponse } from './native.ts'
import { IncomingRequest } from './request.ts'
import { Response } from './response.ts'

/**
 * Installs unmoor's Response, Request and fetch as globals, once. Modules that capture the globals at import
 * must be imported later.
 */
export function installGlobals(): void {
  if (globalThis.Response === Response) return
  installForms(NativeRequest, NativeResponse)
  const { fetch, Request } = createFetch({
    fetch: nativeFetch,
    Request: NativeRequest,
    toNative: (input) => IncomingRequest.toNative(input),
  })
  for (const [name, value] of Object.entries({ Response, Request, fetch })) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
  }
  // Makes `constructor === Response` hold for fetched responses.
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
