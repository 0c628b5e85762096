import type { DriverFactory } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { withoutCoding } from './coding.ts'
import type { NativeFetcher } from './native.ts'
import { nativeOf } from './native-of.ts'

/** Driver for service bindings to other Workers. */
export const service: DriverFactory<'service'> = (_options, context) => {
  const native = nativeOf<NativeFetcher>(context, 'service')
  return {
    async fetch(request) {
      try {
        return withoutCoding(await native.fetch(request), request.method === 'HEAD')
      } catch (error) {
        if (request.signal.aborted)
          throw new UnmoorError('Aborted', 'The request was aborted.', { cause: error, mayHaveApplied: true })
        throw new UnmoorError(
          'Unavailable',
          `The service failed without an answer: ${error instanceof Error ? error.message : String(error)}`,
          {
            cause: error,
            mayHaveApplied: true,
          },
        )
      }
    },
  }
}
