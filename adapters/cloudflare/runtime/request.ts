/**
 * Puts a Request in place that takes `redirect: 'error'`, at which workerd throws: it is made with `manual`,
 * says `error`, and `fetch.ts` refuses the redirect that comes. Libraries ask for it so that a token goes to
 * no other host.
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
      // A Request in place of the options is read by workerd itself, past its own property.
      const options = init instanceof target ? init : { ...init, redirect: 'manual' }
      return refuse(Reflect.construct(target, [input, options], newTarget))
    },
  })
}
