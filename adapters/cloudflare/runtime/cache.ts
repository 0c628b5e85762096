import type { CacheDriver, DriverFactory } from '../../../core/bindings/drivers.ts'
import { withoutCoding } from './coding.ts'
import type { NativeCache, NativeCaches } from './native.ts'

/**
 * Driver for cache bindings: one named cache per app and binding, in the Cache API of the location that
 * serves the request.
 */
export const cache: DriverFactory<'cache'> = (_options, context): CacheDriver => {
  // The cache handle is opened for each call: workerd forbids using one in another request than the handle
  // was opened in.
  const open = (): Promise<NativeCache> =>
    (globalThis.caches as NativeCaches).open(`${context.app}/${context.binding}`)
  return {
    async match(url) {
      const found = await (await open()).match(new Request(url))
      if (found === undefined) return undefined
      const answer = withoutCoding(found)
      const response = new Response(answer.body, answer)
      move(response.headers, HIDDEN, 'content-encoding')
      // Cloudflare adds cf-cache-status to a cached response; the app did not store that header.
      response.headers.delete('cf-cache-status')
      return response
    },
    async put(url, response) {
      // A response stored in the cache keeps its Cache-Control, which decides how long it is cached.
      const kept = new Response(response.body, response)
      move(kept.headers, 'content-encoding', HIDDEN)
      await (await open()).put(new Request(url), kept)
    },
    async delete(url) {
      return (await open()).delete(new Request(url))
    },
  }
}

/**
 * Header that holds `content-encoding` while a response is in the cache: workerd would encode a labelled body
 * on its way in, and decode it on its way out.
 */
const HIDDEN = 'x-unmoor-content-encoding'

function move(headers: Headers, from: string, to: string): void {
  const value = headers.get(from)
  if (value === null) return
  headers.delete(from)
  headers.set(to, value)
}
