import type { Link } from './web/link.ts'

const NAME = '__unmoor_link'

/**
 * Internals of an isolate's web API, removed from the global object for good. This module is evaluated before
 * the app's modules, so tenant code never sees them there.
 */
export const link: Link = (() => {
  const found: unknown = Reflect.get(globalThis, NAME)
  if (found === undefined)
    throw new Error('unmoor/internal/isolate/guest runs inside an isolate, after the web API.')
  Reflect.deleteProperty(globalThis, NAME)
  return found as Link
})()
