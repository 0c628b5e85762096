import type { CacheDriver, DriverFactory } from '../../../core/bindings/drivers.ts'
import type { NativeCache, NativeCaches } from './native.ts'

/** A cache of its own per app and binding, in the Cache API of the location that answers. */
export const cache: DriverFactory<'cache'> = (_options, context): CacheDriver => {
  // No handle is kept: one made in a request must not be used in another.
  const open = (): Promise<NativeCache> =>
    (globalThis.caches as NativeCaches).open(`${context.app}/${context.binding}`)
  return {
    async match(url) {
      const found = await (await open()).match(new Request(url))
      if (found === undefined) return undefined
      const response = new Response(found.body, found)
      // The location's own note, which is not part of the stored answer.
      response.headers.delete('cf-cache-status')
      return response
    },
    async put(url, response) {
      // Cache-Control goes along and says how long.
      await (await open()).put(new Request(url), response)
    },
    async delete(url) {
      return (await open()).delete(new Request(url))
    },
  }
}
