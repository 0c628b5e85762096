/** Puts unmoor's Request and fetch in place of undici's (`fetch.ts` of the Node server says what differs). */
import { createFetch } from '../../node-server/runtime/http/fetch.ts'
import { adoptRequest, EventRequest } from './event-request.ts'

let installed = false

/**
 * Installs them, once. Not at import: to look at `globalThis.Request` loads undici, which takes longer than
 * the rest of a start. So it is done while the first event is waited for, and at the latest before it is
 * handled.
 */
export function installGlobals(): void {
  if (installed) return
  installed = true
  adoptRequest(globalThis.Request)
  const { fetch, Request } = createFetch({
    fetch: globalThis.fetch,
    Request: globalThis.Request,
    toNative: (input) => EventRequest.toNative(input),
  })
  for (const [name, value] of Object.entries({ fetch, Request })) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
  }
}
