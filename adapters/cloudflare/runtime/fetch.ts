import { withoutCoding } from './coding.ts'

/**
 * Puts a `fetch` in place of workerd's that hands out answers as on the other targets (`coding.ts`). The
 * generated entry imports the run-time half first, as an app may take the global at its import.
 */
export function installFetch(): void {
  const nativeFetch = globalThis.fetch
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init)
    // Cloudflare's network asks for compressed answers, workerd alone does not.
    if (!request.headers.has('accept-encoding')) request.headers.set('accept-encoding', 'gzip, br')
    const response = await nativeFetch(request)
    // With this option workerd decodes nothing.
    return (init as { encodeResponseBody?: string } | undefined)?.encodeResponseBody === 'manual'
      ? response
      : withoutCoding(response, request.method === 'HEAD')
  }
}
