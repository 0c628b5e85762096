/**
 * Puts unmoor's Request and fetch in place of undici's (`fetch.ts` of the Node server says what differs), and
 * lets undici's Response read what one may hold.
 */
import { bufferBytes, bytesOf } from '../../node-server/runtime/http/chunk.ts'
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
  readViews(globalThis.Response)
  const { fetch, Request } = createFetch({
    fetch: globalThis.fetch,
    Request: globalThis.Request,
    toNative: (input) => EventRequest.toNative(input),
  })
  for (const [name, value] of Object.entries({ fetch, Request })) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
  }
}

/** Streams of views and ArrayBuffers can be read by a Response, where undici takes Uint8Arrays alone. */
function readViews(NativeResponse: typeof Response): void {
  const { prototype } = NativeResponse
  for (const name of ['arrayBuffer', 'bytes', 'blob', 'formData', 'json', 'text'] as const) {
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
