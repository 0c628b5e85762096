/**
 * Replaces the global Request by one that accepts `redirect: 'error'`, at which workerd throws. The native
 * request uses `manual`, and `fetch.ts` rejects a redirect. Libraries ask for `error` so that a token is
 * never sent to another host.
 */
export function installRequest(): void {
  const refuse = (request: Request): Request => Object.defineProperty(request, 'redirect', { value: 'error' })
  const clone = Reflect.get(Request.prototype, 'clone')
  Request.prototype.clone = function () {
    const copy = clone.call(this)
    return this.redirect === 'error' ? refuse(copy) : copy
  }
  globalThis.Request = new Proxy(Request, {
    construct(target, [input, init]: [Partial<Request>, RequestInit?], newTarget: typeof Request) {
      if ((init?.redirect ?? input.redirect) !== 'error')
        return Reflect.construct(target, [input, init], newTarget)
      // A Request passed as the options of a new Request needs no change: workerd reads its native
      // `redirect`, which is `manual`.
      const options = init instanceof target ? init : { ...init, redirect: 'manual' }
      return refuse(Reflect.construct(target, [input, options], newTarget))
    },
  })
}
