import { Body, cloneBody, extractBody, setBody, type BodySource } from './body.ts'
import { toByteString, toUSVString } from '../convert.ts'
import { flatHeaders, freezeHeaders, Headers, headersFrom, isFrozen, joinHeaders } from './headers.ts'
import { URL } from '../data/url.ts'
import { noteCoding } from '../../../../../core/runtime/coding.ts'

// `JSON.stringify` is saved for `Response.json` before tenant code can replace it.
const { stringify } = JSON

const NULL_BODY = new Set([101, 103, 204, 205, 304])
const REASON = /^[\t\x20-\x7e\x80-\xff]*$/

interface ResponseInit {
  status?: unknown
  statusText?: unknown
  headers?: unknown
}

/**
 * A response as it crosses the bridge between isolate and engine. The body of its Response is created
 * separately.
 */
export type ReceivedResponse<Wire> = readonly [
  status: number,
  statusText: string,
  headers: readonly string[],
  body: Wire,
  url: string,
  redirected: boolean,
  /** Content coding, such as gzip, that the engine has decoded the response's body from. */
  coding?: string,
]

/** Creates a response that came from the network or a binding. Assigned inside the class. */
export let receivedResponse: (received: ReceivedResponse<unknown>, body: BodySource) => Response

/** Returns a response's headers as text for the bridge. Assigned inside the class. */
export let headersText: (response: Response) => string

export class Response extends Body {
  #status = 200
  #statusText = ''
  #headers: Headers | undefined
  #flat: readonly string[] | undefined
  #type = 'default'
  #url = ''
  #redirected = false

  constructor(body: unknown = null, init: ResponseInit = {}) {
    super()
    if (init !== null && typeof init !== 'object' && typeof init !== 'function')
      throw new TypeError('Response: init is an object')
    if (init?.status !== undefined) {
      const status = Math.trunc(Number(init.status)) & 0xffff
      if (status < 200 || status > 599)
        throw new RangeError(`Response: the status ${status} is not from 200 to 599`)
      this.#status = status
    }
    if (init?.statusText !== undefined) {
      const text = toByteString(init.statusText)
      if (!REASON.test(text)) throw new TypeError('Response: the status text is no reason phrase')
      this.#statusText = text
    }
    if (init?.headers !== undefined) this.#headers = new Headers(init.headers)
    if (body === null || body === undefined) return
    if (NULL_BODY.has(this.#status))
      throw new TypeError(`Response: a response with status ${this.#status} has no body`)
    const { source, type } = extractBody(body)
    setBody(this, source)
    if (type === null) return
    if (this.#headers === undefined) this.#flat = ['content-type', type]
    else if (!this.#headers.has('content-type')) this.#headers.set('content-type', type)
  }

  static error(): Response {
    const response = new Response()
    response.#status = 0
    response.#type = 'error'
    freezeHeaders(response.headers)
    return response
  }
  static redirect(url: unknown, status: unknown = 302): Response {
    const target = new URL(toUSVString(url)).href
    const code = Math.trunc(Number(status))
    if (![301, 302, 303, 307, 308].includes(code))
      throw new RangeError(`Response.redirect: ${code} is not a redirect status`)
    const response = new Response()
    response.#status = code
    response.headers.set('location', target)
    freezeHeaders(response.headers)
    return response
  }
  static json(data: unknown, init: ResponseInit = {}): Response {
    const text = stringify(data) as string | undefined
    if (text === undefined) throw new TypeError('Response.json: the value is not JSON')
    const response = new Response(text, init)
    if (init?.headers === undefined || !new Headers(init.headers).has('content-type'))
      response.headers.set('content-type', 'application/json')
    return response
  }

  get type(): string {
    return this.#type
  }
  get url(): string {
    return this.#url
  }
  get redirected(): boolean {
    return this.#redirected
  }
  get status(): number {
    return this.#status
  }
  get ok(): boolean {
    return this.#status >= 200 && this.#status < 300
  }
  get statusText(): string {
    return this.#statusText
  }
  get headers(): Headers {
    return (this.#headers ??= headersFrom(this.#flat ?? []))
  }

  clone(): Response {
    const copy = new Response()
    setBody(copy, cloneBody(this))
    copy.#status = this.#status
    copy.#statusText = this.#statusText
    copy.#headers = new Headers(this.headers)
    copy.#type = this.#type
    copy.#url = this.#url
    copy.#redirected = this.#redirected
    if (isFrozen(this.headers)) freezeHeaders(copy.#headers)
    return copy
  }

  static {
    headersText = (response) =>
      joinHeaders(response.#headers === undefined ? (response.#flat ?? []) : flatHeaders(response.#headers))
    receivedResponse = ([status, statusText, headers, , url, redirected, coding], body) => {
      const response = new Response()
      response.#status = status
      response.#statusText = statusText
      response.#flat = headers
      response.#type = 'basic'
      response.#url = url
      response.#redirected = redirected
      setBody(response, body)
      if (coding !== undefined) noteCoding(response, coding)
      return response
    }
  }
}
