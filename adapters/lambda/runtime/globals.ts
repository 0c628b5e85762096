/**
 * Replaces undici's Request, Response and fetch by unmoor's (`fetch.ts` and `forms.ts` of the Node server
 * explain the differences), and makes undici's Response accept the same bodies.
 */
import { bufferBytes, bytesOf } from '../../node-server/runtime/http/chunk.ts'
import { createFetch } from '../../node-server/runtime/http/fetch.ts'
import { installForms, withoutForm } from '../../node-server/runtime/http/forms.ts'
import { adoptRequest, EventRequest } from './event-request.ts'

let installed = false

/**
 * Installs unmoor's Request, Response and fetch on Lambda once. This does not run at import, because reading
 * `globalThis.Request` loads undici, which takes longer than the rest of a start. It runs while the first
 * event is awaited, and at the latest before that event is handled.
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

/** Makes a Response accept streams of views and ArrayBuffers, where undici only accepts Uint8Arrays. */
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

/** Returns a Response class whose body may be a FormData in unmoor's encoding. */
function formAware(NativeResponse: typeof Response): typeof Response {
  class UnmoorResponse extends NativeResponse {
    constructor(body?: BodyInit | null, init?: ResponseInit) {
      super(withoutForm(body), init)
    }

    static override [Symbol.hasInstance](this: unknown, value: unknown): boolean {
      // undici's own Responses count as instances too; a subclass of the app is checked the usual way.
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
