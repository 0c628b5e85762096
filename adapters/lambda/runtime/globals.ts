/**
 * Puts unmoor's Request, Response and fetch in place of undici's (`fetch.ts` and `forms.ts` of the Node
 * server say what differs), and lets undici's Response read what one may hold.
 */
import { bufferBytes, bytesOf } from '../../node-server/runtime/http/chunk.ts'
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
  readViews(globalThis.Response)
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

/** Streams of views and ArrayBuffers can be read by a Response, where undici takes Uint8Arrays alone. */
function readViews(NativeResponse: typeof Response): void {
  const { prototype } = NativeResponse
  for (const name of ['arrayBuffer', 'bytes', 'blob', 'json', 'text'] as const) {
    const read = prototype[name] as (this: Response) => Promise<unknown>
    Object.defineProperty(prototype, name, {
      async value(this: Response): Promise<unknown> {
        const { body } = this
        const bytes = body === null ? null : bytesOf(body, bufferBytes)
        return read.call(
          bytes === body
            ? this
            : new NativeResponse(bytes as ReadableStream<Uint8Array<ArrayBuffer>>, { headers: this.headers }),
        )
      },
      writable: true,
      configurable: true,
      enumerable: true,
    })
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
