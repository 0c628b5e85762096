/**
 * A Response that stays plain fields until more is needed, since undici's `new Response('...')` costs more
 * than all of node:http's work on a small request. It becomes the global Response of artifacts (globals.ts).
 * It behaves as fetch's Response does, mostly by delegating to the native class.
 */
import { isDisturbed, NativeResponse } from './native.ts'
import { bufferBytes, bytesOf } from './chunk.ts'
import { withoutForm } from './forms.ts'
import { flatHeaders, hasHeader, toHeaders } from './header-list.ts'

const STATUS_TEXT = /^[\t\x20-\x7e]*$/
const TEXT_TYPE = 'text/plain;charset=UTF-8'
/** Header list that is shared by all plain-text responses; never changed. */
const TEXT_HEADERS: readonly string[] = Object.freeze(['content-type', TEXT_TYPE])
const JSON_TYPE = 'application/json'
const JSON_HEADERS: readonly string[] = Object.freeze(['content-type', JSON_TYPE])
const NO_HEADERS: readonly string[] = Object.freeze([])

type LightBody = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null

/** The parts of a Response that the server writes. */
export interface ResponseParts {
  status: number
  statusText: string
  /**
   * The response's header list in ASCII with names in lower case; undefined if only `headers` has the fields.
   */
  list: readonly string[] | undefined
  headers: Headers | undefined
  body: LightBody
  /** Byte length of the response's body stream, if known. */
  size?: number | undefined
}

let take: (response: LightResponse) => ResponseParts
let isLight: (value: object) => value is LightResponse

class LightResponse {
  #status = 200
  #statusText = ''
  #list: readonly string[] | undefined
  #headers: Headers | undefined
  #body: LightBody = null
  /**
   * Native response that holds the body once it is wanted as a stream or read; status and headers stay here.
   */
  #native: Response | undefined
  #used = false
  #size: number | undefined

  static {
    isLight = (value): value is LightResponse => #status in value
    take = (response) => response.#take()
  }

  constructor(body?: BodyInit | null, init?: ResponseInit) {
    if (!this.#construct(body, init)) {
      const sent = withoutForm(body)
      const native = new NativeResponse(sent, init)
      this.#status = native.status
      this.#statusText = native.statusText
      this.#headers = native.headers
      this.#native = native
      if (sent instanceof Blob) this.#size = sent.size
    }
  }

  /**
   * Response's constructor: sets the fields itself for usual arguments (text, bytes or an unused stream,
   * plain headers). Returns false for all others, which the native class then checks and converts. This
   * method must not throw where the native class would not.
   */
  #construct(body: unknown, init: unknown): boolean {
    let contentType: string | undefined
    if (body === undefined || body === null) this.#body = null
    else if (typeof body === 'string') {
      this.#body = body
      contentType = TEXT_TYPE
    } else if (body instanceof Uint8Array && body.buffer instanceof ArrayBuffer && !body.buffer.resizable)
      this.#body = new Uint8Array(body)
    else if (body instanceof ArrayBuffer && !body.resizable) this.#body = new Uint8Array(body.slice(0))
    else if (body instanceof ReadableStream && !body.locked && !isDisturbed(body)) this.#body = body
    else if (body instanceof URLSearchParams) {
      this.#body = String(body)
      contentType = 'application/x-www-form-urlencoded;charset=UTF-8'
    } else return false
    if (init === undefined || init === null) {
      this.#list =
        contentType === undefined
          ? NO_HEADERS
          : contentType === TEXT_TYPE
            ? TEXT_HEADERS
            : ['content-type', contentType]
      return true
    }
    return typeof init === 'object' && this.#initialize(init, contentType)
  }

  #initialize(init: ResponseInit, contentType: string | undefined): boolean {
    const { status, statusText, headers } = init
    if (status !== undefined) {
      if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 599)
        return false
      if (this.#body !== null && (status === 204 || status === 205 || status === 304)) return false
      this.#status = status
    }
    if (statusText !== undefined) {
      if (typeof statusText !== 'string' || !STATUS_TEXT.test(statusText)) return false
      this.#statusText = statusText
    }
    const list = headers === undefined ? [] : flatHeaders(headers)
    if (list === undefined) return false
    if (contentType !== undefined && !hasHeader(list, 'content-type')) list.push('content-type', contentType)
    this.#list = list
    return true
  }

  get status(): number {
    return this.#status
  }

  get statusText(): string {
    return this.#statusText
  }

  get ok(): boolean {
    return this.#status >= 200 && this.#status < 300
  }

  get headers(): Headers {
    if (this.#headers === undefined) {
      this.#headers = toHeaders(this.#list ?? NO_HEADERS)
      this.#list = undefined
    }
    return this.#headers
  }

  get type(): ResponseType {
    return 'default'
  }

  get url(): string {
    return ''
  }

  get redirected(): boolean {
    return false
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    if (this.#native === undefined && this.#body instanceof ReadableStream)
      return this.#body as ReadableStream<Uint8Array<ArrayBuffer>>
    return this.#toNative().body
  }

  get bodyUsed(): boolean {
    if (this.#native !== undefined) return this.#native.bodyUsed
    if (this.#body instanceof ReadableStream) return isDisturbed(this.#body)
    return this.#used
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#toNative().arrayBuffer()
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#toNative().bytes()
  }

  async text(): Promise<string> {
    return this.#toNative().text()
  }

  async json(): Promise<unknown> {
    return this.#toNative().json()
  }

  // `blob()` and `formData()` of a Response use the content type, which may have changed since the body was
  // wrapped.
  async blob(): Promise<Blob> {
    return this.#withHeaders().blob()
  }

  async formData(): Promise<FormData> {
    return this.#withHeaders().formData()
  }

  clone(): LightResponse {
    const copy = new LightResponse()
    copy.#status = this.#status
    copy.#statusText = this.#statusText
    copy.#list = this.#list
    if (this.#native === undefined && !this.#used && !(this.#body instanceof ReadableStream))
      copy.#body = this.#body
    else copy.#native = this.#toNative().clone()
    if (this.#headers !== undefined) {
      copy.#list = undefined
      copy.#headers = new Headers(this.#headers)
    }
    return copy
  }

  #toNative(): Response {
    if (this.#native === undefined) {
      const used = this.#used
      const body = this.#body instanceof ReadableStream ? bytesOf(this.#body, bufferBytes) : this.#body
      this.#native = new NativeResponse(body, {
        status: this.#status,
        headers: this.headers,
      })
      if (used) void this.#native.body?.cancel()
    }
    return this.#native
  }

  #withHeaders(): Response {
    const native = this.#toNative()
    if (native.bodyUsed || native.body?.locked === true) return native
    return new NativeResponse(native.body, { headers: this.headers })
  }

  /**
   * Returns the parts of the Response to send. A body can be sent only once, as on Workers: an app that
   * returns the same Response twice receives an error.
   */
  #take(): ResponseParts {
    const body = this.#native === undefined ? this.#body : (this.#native.body as LightBody)
    if (body !== null) {
      if (this.#used || (body instanceof ReadableStream && (body.locked || isDisturbed(body)))) {
        throw new TypeError(
          'This Response was already sent or its body already read. Make a new one per request, or ' +
            'clone() it before.',
        )
      }
      this.#used = !(body instanceof ReadableStream)
    }
    return {
      status: this.#status,
      statusText: this.#statusText,
      list: this.#list,
      headers: this.#headers,
      body,
      size: this.#size,
    }
  }

  static json(data: unknown, init?: ResponseInit): LightResponse {
    const text: string | undefined = JSON.stringify(data)
    if (text === undefined) throw new TypeError('The data is not JSON serializable')
    const response = new LightResponse()
    response.#body = text
    if (init === undefined || init === null) response.#list = JSON_HEADERS
    else if (typeof init !== 'object' || !response.#initialize(init, JSON_TYPE)) {
      const unusual = new LightResponse(text, init)
      if (!new Headers(init.headers).has('content-type')) unusual.headers.set('content-type', JSON_TYPE)
      return unusual
    }
    return response
  }

  static [Symbol.hasInstance](this: unknown, value: unknown): boolean {
    // A native fetch Response counts as an instance. A Response subclass of the app's own uses the default
    // `instanceof`.
    if (this === LightResponse) return NativeResponse.prototype.isPrototypeOf(value as object)
    return Function.prototype[Symbol.hasInstance].call(this, value)
  }
}

Object.setPrototypeOf(LightResponse.prototype, NativeResponse.prototype)
// Inherits the static methods Response.error and Response.redirect from undici's class.
Object.setPrototypeOf(LightResponse, NativeResponse)
Object.defineProperty(LightResponse, 'name', { value: 'Response' })
for (const name of [
  'status',
  'statusText',
  'ok',
  'headers',
  'type',
  'url',
  'redirected',
  'body',
  'bodyUsed',
  'arrayBuffer',
  'bytes',
  'text',
  'json',
  'blob',
  'formData',
  'clone',
]) {
  Object.defineProperty(LightResponse.prototype, name, { enumerable: true })
}

/**
 * The global Response class of artifacts. The cast to fetch's type is sound, as the prototype chain matches.
 */
export const Response = LightResponse as unknown as typeof globalThis.Response

/** Returns the parts to send of any Response. @throws TypeError if its body was sent or read already. */
export function takeResponse(response: globalThis.Response): ResponseParts {
  if (isLight(response)) return take(response)
  const { status, statusText, headers, body } = response
  if (body !== null && (response.bodyUsed || body.locked)) {
    throw new TypeError(
      'This Response was already sent or its body already read. Make a new one per request, or clone() ' +
        'it before.',
    )
  }
  const stream = body === null || body instanceof ReadableStream ? body : toNativeStream(body)
  return { status, statusText, list: undefined, headers, body: stream }
}

/**
 * Wraps the body of a library's own Response class, which reads like a web stream but is not an instance of
 * one.
 */
function toNativeStream(body: Pick<ReadableStream, 'getReader'>): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await reader.read()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
