import type { Link } from './web/link.ts'

const NAME = '__unmoor_link'

/**
 * The web API's insides, taken off the global for good. This module is evaluated before the app's, so tenant
 * code never sees it there.
 */
export const link: Link = (() => {
  const found: unknown = Reflect.get(globalThis, NAME)
  if (found === undefined)
    throw new Error('unmoor/internal/isolate/guest runs inside an isolate, after the web API.')
  Reflect.deleteProperty(globalThis, NAME)
  return found as Link
})()
