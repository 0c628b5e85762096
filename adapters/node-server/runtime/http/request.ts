/**
 * The Request of an incoming message. Its fields are read from node:http on demand; a native Request is
 * created only for operations that need one.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { decodeBody, shapeAsRequest } from '../../../../core/runtime/request-shape.ts'
import { keepEvent } from '../events.ts'
import { clientGone } from './client-gone.ts'
import { toFormData } from './forms.ts'
import { type CountBytes, readIncoming, streamIncoming } from './incoming-body.ts'
import { IncomingHeaders } from './incoming-headers.ts'
import { noteLength } from './known-length.ts'
import { isDisturbed, NativeRequest, NativeResponse } from './native.ts'
import { resolveUrl } from './url.ts'

export class IncomingRequest {
  readonly #incoming: IncomingMessage
  readonly #outgoing: ServerResponse
  readonly #origin: string
  readonly #count: CountBytes | undefined
  #url: string | undefined
  #headers: Headers | undefined
  #abort: AbortController | undefined
  #native: Request | undefined
  #stream: ReadableStream<Uint8Array<ArrayBuffer>> | undefined
  #consumed = false

  constructor(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    origin: string,
    count: CountBytes | undefined,
  ) {
    this.#incoming = incoming
    this.#outgoing = outgoing
    this.#origin = origin
    this.#count = count
  }

  /** Returns the native Request of an incoming request; any other value is returned unchanged. */
  static toNative(value: unknown): unknown {
    return typeof value === 'object' && value !== null && #incoming in value ? value.#toNative() : value
  }

  get method(): string {
    return this.#incoming.method as string
  }

  get url(): string {
    return (this.#url ??= resolveUrl(this.#origin, this.#incoming.url as string))
  }

  get headers(): Headers {
    return (this.#headers ??= new IncomingHeaders(this.#incoming) as unknown as Headers)
  }

  /**
   * `request.signal`: aborts when the client goes away before it has received the whole answer. The close
   * listener is added on the first access.
   */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = (this.#abort = new AbortController())
      const outgoing = this.#outgoing
      // `keepEvent` is needed for `request.signal`: abort listeners are code of the app, but the connection
      // emits "close" outside the event. The closure also keeps this Request and its native one alive, since
      // undici's signals hold each other by weak references.
      const check = (): void => {
        if (!outgoing.writableFinished) this.#abort?.abort(clientGone('The client went away.'))
      }
      if (outgoing.destroyed || outgoing.socket?.destroyed === true) check()
      else outgoing.once('close', keepEvent(check))
      return abort.signal
    }
    return this.#abort.signal
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    if (this.#native !== undefined) return this.#withLength(this.#native.body)
    if (!this.#hasBody()) return null
    if (this.#consumed) return this.#toNative().body
    return (this.#stream ??= this.#withLength(streamIncoming(this.#incoming, this.#outgoing, this.#count)))
  }

  get bodyUsed(): boolean {
    if (this.#native !== undefined) return this.#native.bodyUsed
    return this.#consumed || (this.#stream !== undefined && isDisturbed(this.#stream))
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    if (!this.#readsDirectly()) return this.#toNative().arrayBuffer()
    return (await this.#read()).buffer
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    if (!this.#readsDirectly()) return this.#toNative().bytes()
    return this.#read()
  }

  async text(): Promise<string> {
    if (!this.#readsDirectly()) return this.#toNative().text()
    return decodeBody(await this.#consume())
  }

  async json(): Promise<unknown> {
    if (!this.#readsDirectly()) return this.#toNative().json()
    return JSON.parse(decodeBody(await this.#consume()))
  }

  async blob(): Promise<Blob> {
    if (!this.#readsDirectly()) return this.#toNative().blob()
    return this.#bufferedResponse(await this.#read()).blob()
  }

  async formData(): Promise<FormData> {
    if (!this.#readsDirectly()) return this.#toNative().formData()
    return toFormData(this.#incoming.headers['content-type'] ?? null, await this.#consume())
  }

  clone(): Request {
    const copy = this.#toNative().clone()
    this.#withLength(copy.body)
    return copy
  }

  #withLength<T extends ReadableStream | null>(body: T): T {
    noteLength(body, this.#incoming.headers['content-length'])
    return body
  }

  #hasBody(): boolean {
    const { method, headers } = this.#incoming
    if (method === 'GET' || method === 'HEAD') return false
    return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
  }

  /**
   * Returns true if the request's body can be read from node:http directly: no stream was handed out and
   * nothing was read.
   */
  #readsDirectly(): boolean {
    return this.#native === undefined && this.#stream === undefined && !this.#consumed && this.#hasBody()
  }

  #consume(): Promise<Buffer<ArrayBuffer>> {
    this.#consumed = true
    return readIncoming(this.#incoming, this.#outgoing, this.#count)
  }

  /** Reads the request's body and copies it out of Node's shared buffer. */
  async #read(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await this.#consume())
  }

  #bufferedResponse(bytes: Uint8Array<ArrayBuffer>): Response {
    const type = this.#incoming.headers['content-type']
    return new NativeResponse(bytes, type === undefined ? {} : { headers: { 'content-type': type } })
  }

  #toNative(): Request {
    if (this.#native === undefined) {
      const used = this.#consumed
      const init: RequestInit & { duplex: 'half' } = {
        method: this.method,
        headers: [...this.headers],
        signal: this.signal,
        redirect: 'manual',
        duplex: 'half',
      }
      const body = used ? '' : this.body
      if (body !== null) init.body = body
      this.#native = new NativeRequest(this.url, init)
      if (used) void this.#native.body?.cancel()
    }
    return this.#native
  }
}

shapeAsRequest(IncomingRequest.prototype, NativeRequest)
