/**
 * `redirect: 'error'` of a Request, at which workerd throws: the request is made with `manual`, and `fetch.ts`
 * refuses the redirect that comes. Libraries ask for it so that a token goes to no other host.
 */
const refusing = new WeakSet<Request>()

/** Whether a redirect is no answer to a request. */
export function refusesRedirects(request: Request): boolean {
  return refusing.has(request)
}

/** Puts a Request in place that takes `redirect: 'error'`. */
export function installRequest(): void {
  const clone = Reflect.get(Request.prototype, 'clone')
  Request.prototype.clone = function () {
    const copy = clone.call(this)
    return refusing.has(this) ? refuse(copy) : copy
  }
  globalThis.Request = new Proxy(Request, {
    construct(target, [input, init]: [RequestInfo, RequestInit?], newTarget: typeof Request) {
      const isRequest = init instanceof target
      const asked = isRequest ? undefined : init?.redirect
      const from = asked === undefined ? (isRequest ? init : input) : undefined
      const refuses = asked === 'error' || (from instanceof target && refusing.has(from))
      // A Request in place of the options is read by workerd itself, past its own property.
      const options = refuses && !isRequest ? { ...init, redirect: 'manual' } : init
      const request = Reflect.construct(target, [input, options], newTarget) as Request
      return refuses ? refuse(request) : request
    },
  })
}

function refuse(request: Request): Request {
  refusing.add(request)
  return Object.defineProperty(request, 'redirect', { value: 'error', configurable: true })
}
