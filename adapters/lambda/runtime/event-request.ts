/**
 * The Request of a Lambda event. Its fields come from the event, and undici's Request is only created if
 * something needs one: with a signal to follow, creating it costs more than all the rest of a small event.
 */
import { toFormData } from '../../node-server/runtime/http/forms.ts'
import { noteLength } from '../../node-server/runtime/http/known-length.ts'
import { decodeBody, shapeAsRequest } from '../../../core/runtime/request-shape.ts'

/** The validated fields of a Lambda event's request. */
export interface EventRequestInit {
  method: string
  /** Normalised URL of the event's request, as `new URL` writes it. */
  url: string
  headers: Headers
  /** Body of the event's request; null if there is none. */
  body: Buffer<ArrayBuffer> | null
  signal: AbortSignal | undefined
}

export class EventRequest {
  readonly #init: EventRequestInit
  #native: Request | undefined
  #used = false
  #signal: AbortSignal | undefined

  constructor(init: EventRequestInit) {
    this.#init = init
    this.#signal = init.signal
  }

  /** Returns undici's Request of `value` if that is a Lambda event's request, else `value`. */
  static toNative(value: unknown): unknown {
    return typeof value === 'object' && value !== null && #init in value ? value.#toNative() : value
  }

  get method(): string {
    return this.#init.method
  }

  get url(): string {
    return this.#init.url
  }

  get headers(): Headers {
    return this.#init.headers
  }

  /** Signal of the request that aborts shortly before the Lambda event's deadline. */
  get signal(): AbortSignal {
    return (this.#signal ??= new AbortController().signal)
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    return this.#init.body === null ? null : this.#withLength(this.#toNative().body)
  }

  get bodyUsed(): boolean {
    return this.#native?.bodyUsed ?? this.#used
  }

  async text(): Promise<string> {
    return this.#readsDirectly() ? decodeBody(this.#take()) : this.#toNative().text()
  }

  async json(): Promise<unknown> {
    return this.#readsDirectly() ? JSON.parse(decodeBody(this.#take())) : this.#toNative().json()
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    // The bytes of a request's body are copied, because small buffers share their memory.
    return this.#readsDirectly() ? new Uint8Array(this.#take()) : this.#toNative().bytes()
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#readsDirectly() ? new Uint8Array(this.#take()).buffer : this.#toNative().arrayBuffer()
  }

  async blob(): Promise<Blob> {
    return this.#toNative().blob()
  }

  async formData(): Promise<FormData> {
    return this.#readsDirectly()
      ? toFormData(this.headers.get('content-type'), this.#take())
      : this.#toNative().formData()
  }

  clone(): Request {
    const copy = this.#toNative().clone()
    this.#withLength(copy.body)
    return copy
  }

  #withLength<T extends ReadableStream | null>(body: T): T {
    noteLength(body, this.#init.body?.byteLength)
    return body
  }

  #readsDirectly(): boolean {
    return this.#native === undefined && !this.#used && this.#init.body !== null
  }

  #take(): Buffer<ArrayBuffer> {
    this.#used = true
    return this.#init.body as Buffer<ArrayBuffer>
  }

  #toNative(): Request {
    if (this.#native === undefined) {
      const { method, url, headers, body } = this.#init
      this.#native = new (nativeRequest())(url, {
        method,
        headers,
        body,
        signal: this.signal,
        redirect: 'manual',
      })
      if (this.#used) void this.#native.body?.cancel()
    }
    return this.#native
  }
}

let Native: typeof Request | undefined

/** Returns undici's Request class, as it was before globals.ts replaced it. */
function nativeRequest(): typeof Request {
  if (Native === undefined) adoptRequest(globalThis.Request)
  return Native as typeof Request
}

/**
 * Makes requests of Lambda events instances of `native`. This does not run at import, because reading
 * `globalThis.Request` loads undici.
 */
export function adoptRequest(native: typeof Request): void {
  Native = native
  shapeAsRequest(EventRequest.prototype, native)
}
