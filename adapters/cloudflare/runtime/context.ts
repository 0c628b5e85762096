import { type ClientInfo, NO_CLIENT } from '../../../core/client.ts'
import type { Context } from '../../../core/context.ts'
import { WAIT_UNTIL_SECONDS } from '../../../core/limits.ts'
import type { EdgeClient } from './edge-client.ts'
import type { NativeContext } from './native.ts'

/** The `ctx` of an app's handlers, over the context of Workers, which lacks `ctx.signal`. */
export class WorkerContext implements Context {
  #native: NativeContext
  #controller: AbortController | undefined
  #pending = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #answered = false
  #request: Request | undefined
  #edgeClient: EdgeClient | undefined
  #requestId: string | undefined

  constructor(native: NativeContext, request?: Request, edgeClient?: EdgeClient) {
    this.#native = native
    this.#request = request
    this.#edgeClient = edgeClient
  }

  /**
   * Headers of a request that came through Cloudflare's edge, which overwrites `cf-*` headers of the client;
   * `cf` on the request proves it. Undefined without an edge, as locally: the headers are then the client's
   * own claims, and workerd does not report the peer's address.
   */
  get #edgeHeaders(): Headers | undefined {
    const request: (Request & { cf?: object | null }) | undefined = this.#request
    return request?.cf ? request.headers : undefined
  }

  get requestId(): string {
    const headers = this.#edgeHeaders
    return (this.#requestId ??=
      this.#edgeClient?.requestIdOf(headers) ?? headers?.get('cf-ray') ?? crypto.randomUUID())
  }

  get client(): ClientInfo {
    const headers = this.#edgeHeaders
    const address = headers?.get('cf-connecting-ip')
    if (!address) return NO_CLIENT
    return (
      this.#edgeClient?.clientOf(headers as Headers) ?? {
        remote: { address, addressType: `IPv${address.includes(':') ? 6 : 4}` },
      }
    )
  }

  waitUntil(promise: Promise<unknown>): void {
    this.#pending++
    this.#limit()
    const settled = Promise.resolve(promise).then(
      () => this.#settle(),
      (error: unknown) => {
        console.error('waitUntil promise rejected:', error)
        this.#settle()
      },
    )
    this.#native.waitUntil(settled)
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    this.#limit()
    return this.#controller.signal
  }

  passThroughOnException(): void {
    this.#native.passThroughOnException()
  }

  get props(): object {
    // `ctx.props` is always empty, as on other targets. Cloudflare's own `props`, in which a calling Worker
    // may pass values, are not passed to the app.
    return {}
  }

  /** Starts the time limit for `waitUntil` work, once the event's handler has returned. */
  answered(): void {
    this.#answered = true
    this.#limit()
  }

  #limit(): void {
    if (this.#controller === undefined || this.#pending === 0 || !this.#answered || this.#timer !== undefined)
      return
    // `ctx.signal` aborts one second before Cloudflare cuts the work off, so that work can end cleanly.
    this.#timer = setTimeout(
      () => this.#controller?.abort(new DOMException('waitUntil work took too long', 'TimeoutError')),
      (WAIT_UNTIL_SECONDS - 1) * 1000,
    )
  }

  #settle(): void {
    this.#pending--
    if (this.#pending > 0 || this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
