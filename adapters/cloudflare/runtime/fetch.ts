import { withoutCoding } from './coding.ts'
import { installRequest } from './request.ts'

/**
 * Replaces the global `fetch` by one that decodes responses as the other targets do (`coding.ts`) and
 * supports `redirect: 'error'`. The generated entry imports unmoor's Workers runtime before the app, because
 * the app may store the global `fetch` in a variable when it is imported.
 */
export function installFetch(): void {
  const nativeFetch = globalThis.fetch
  installRequest()
  globalThis.fetch = async (input, init) => {
    // workerd's node:http sets the option `encodeResponseBody: 'manual'`, with which workerd decodes nothing.
    if ((init as { encodeResponseBody?: string } | undefined)?.encodeResponseBody === 'manual')
      return nativeFetch(input, init)
    const request = new Request(input, init)
    // Cloudflare's network sets accept-encoding on a Worker's fetches. workerd alone does not, so `fetch`
    // sets the header here.
    if (!request.headers.has('accept-encoding')) request.headers.set('accept-encoding', 'gzip, br')
    const response = await nativeFetch(request).catch((error: Error) => {
      // workerd throws a plain Error if no response to a fetch came; `fetch` must throw a TypeError.
      throw request.signal.aborted ? request.signal.reason : new TypeError(error.message, { cause: error })
    })
    if (request.redirect === 'error' && /30[12378]/.test(`${response.status}`)) {
      await response.body?.cancel()
      throw new TypeError('A redirect: ' + request.url)
    }
    return withoutCoding(response, request.method === 'HEAD')
  }
}
