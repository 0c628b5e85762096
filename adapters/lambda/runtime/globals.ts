/**
 * Puts unmoor's Request, Response and fetch in place of undici's (`fetch.ts` and `forms.ts` of the Node server
 * say what differs).
 */
import { createFetch } from '../../node-server/runtime/http/fetch.ts'
import { installForms, withoutForm } from '../../node-server/runtime/http/forms.ts'
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
  installForms(globalThis.Request, globalThis.Response)
  const { fetch, Request } = createFetch({
    fetch: globalThis.fetch,
    Request: globalThis.Request,
    toNative: (input) => EventRequest.toNative(input),
  })
  for (const [name, value] of Object.entries({ fetch, Request, Response: formAware(globalThis.Response) })) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
  }
}

/** A Response whose body may be a form as unmoor writes it. */
function formAware(NativeResponse: typeof Response): typeof Response {
  class UnmoorResponse extends NativeResponse {
    constructor(body?: BodyInit | null, init?: ResponseInit) {
      super(withoutForm(body), init)
    }

    static override [Symbol.hasInstance](this: unknown, value: unknown): boolean {
      // undici's own are Responses too; a subclass of an app's own is asked the usual way.
      if (this === UnmoorResponse) return NativeResponse.prototype.isPrototypeOf(value as object)
      return Function.prototype[Symbol.hasInstance].call(this, value)
    }
  }
  Object.defineProperty(UnmoorResponse, 'name', { value: 'Response' })
  Object.defineProperty(NativeResponse.prototype, 'constructor', {
    value: UnmoorResponse,
    writable: true,
    configurable: true,
  })
  return UnmoorResponse
}
