import { withoutCoding } from './coding.ts'
import { installRequest } from './request.ts'

/**
 * Puts a `fetch` in place of workerd's that hands out answers as on the other targets (`coding.ts`), and that
 * knows `redirect: 'error'`. The generated entry imports the run-time half first, as an app may take the
 * global at its import.
 */
export function installFetch(): void {
  const nativeFetch = globalThis.fetch
  installRequest()
  globalThis.fetch = async (input, init) => {
    // With this option workerd decodes nothing; its node:http sets it.
    if ((init as { encodeResponseBody?: string } | undefined)?.encodeResponseBody === 'manual')
      return nativeFetch(input, init)
    const request = new Request(input, init)
    // Cloudflare's network asks for compressed answers, workerd alone does not.
    if (!request.headers.has('accept-encoding')) request.headers.set('accept-encoding', 'gzip, br')
    const response = await nativeFetch(request).catch((error: Error) => {
      // workerd tells by a plain Error that no answer came.
      throw request.signal.aborted ? request.signal.reason : new TypeError(error.message, { cause: error })
    })
    if (request.redirect === 'error' && /30[12378]/.test(`${response.status}`)) {
      await response.body?.cancel()
      throw new TypeError('A redirect: ' + request.url)
    }
    return withoutCoding(response, request.method === 'HEAD')
  }
}
