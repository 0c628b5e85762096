import type { CacheDriver, DriverFactory } from '../../../core/bindings/drivers.ts'
import { withoutCoding } from './coding.ts'
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
      const answer = withoutCoding(found)
      const response = new Response(answer.body, answer)
      move(response.headers, HIDDEN, 'content-encoding')
      // The location's own note, which is not part of the stored answer.
      response.headers.delete('cf-cache-status')
      return response
    },
    async put(url, response) {
      // Cache-Control goes along and says how long.
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
 * Where the label of an answer is while it is stored: workerd would encode what it stores under a label, and
 * decode what it finds under one.
 */
const HIDDEN = 'x-unmoor-content-encoding'

function move(headers: Headers, from: string, to: string): void {
  const value = headers.get(from)
  if (value === null) return
  headers.delete(from)
  headers.set(to, value)
}
