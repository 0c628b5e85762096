import type { DriverFactory } from '../../../core/bindings/drivers.ts'
import { withoutCoding } from './coding.ts'
import type { NativeFetcher } from './native.ts'
import { nativeOf } from './native-of.ts'

/**
 * Driver for assets bindings on Workers static assets. Cloudflare serves files before the Worker runs; this
 * driver serves files that the app requests itself.
 */
export const assets: DriverFactory<'assets'> = (_options, context) => {
  const native = nativeOf<NativeFetcher>(context, 'static assets')
  return {
    async serve(request) {
      const response = await native.fetch(request)
      if (response.status !== 404) return withoutCoding(response, request.method === 'HEAD')
      await response.body?.cancel()
      return undefined
    },
  }
}
