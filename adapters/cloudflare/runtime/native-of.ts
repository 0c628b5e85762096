import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { constantCase } from '../../../core/bindings/declarations.ts'
import { UnmoorError } from '../../../core/errors.ts'

/**
 * Returns Cloudflare's own binding behind a binding of the app. @throws `NotFound` naming it if the Worker
 * was deployed without it.
 */
export function nativeOf<T>(context: DriverContext, what: string): T {
  if (typeof context.native === 'object' || typeof context.native === 'function') return context.native as T
  throw new UnmoorError(
    'NotFound',
    `This Worker has no ${what} bound as ${constantCase(context.binding)}. Deploy the ` +
      "build's wrangler.jsonc.",
    {
      binding: context.binding,
      operation: 'start',
    },
  )
}
