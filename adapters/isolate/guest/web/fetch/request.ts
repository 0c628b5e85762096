import { AbortSignal, createSignal } from '../events/abort.ts'
import type { Blob } from '../data/blob.ts'
import { blobOfUrl } from '../data/blob-url.ts'
import {
  Body,
  cloneBody,
  extractBody,
  hasBody,
  isUnusable,
  setBody,
  takeBody,
  type BodySource,
} from './body.ts'
import { toByteString, toUSVString } from '../convert.ts'
import { freezeHeaders, Headers, headersFrom, isFrozen, splitHeaders } from './headers.ts'
import { isReadableStream } from '../late.ts'
import { URL } from '../data/url.ts'

const INTERNAL = Symbol('internal')
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const SIMPLE = new Set(['GET', 'HEAD', 'POST'])
const NORMALIZED = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'])

type Choice = readonly string[]
const MODES: Choice = ['same-origin', 'no-cors', 'cors', 'navigate']
const CREDENTIALS: Choice = ['omit', 'same-origin', 'include']
const CACHES: Choice = ['default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached']
const PRIORITIES: Choice = ['high', 'low', 'auto']
const REDIRECTS: Choice = ['follow', 'error', 'manual']
const POLICIES: Choice = [
  '',
  'no-referrer',
  'no-referrer-when-downgrade',
  'origin',
  'origin-when-cross-origin',
  'same-origin',
  'strict-origin',
  'strict-origin-when-cross-origin',
  'unsafe-url',
]

/** State of a Request other than its method, URL, headers and body. */
interface Settings {
  mode: string
  credentials: string
  cache: string
  redirect: string
  referrer: string
  referrerPolicy: string
  integrity: string
  keepalive: boolean
  duplex: string
}
const DEFAULTS: Settings = {
  mode: 'cors',
  credentials: 'same-origin',
  cache: 'default',
  redirect: 'follow',
  referrer: 'about:client',
  referrerPolicy: '',
  integrity: '',
  keepalive: false,
  duplex: 'half',
}
const INCOMING: Settings = { ...DEFAULTS, redirect: 'manual' }

interface RequestInit {
  method?: unknown
  headers?: unknown
  body?: unknown
  signal?: unknown
  duplex?: unknown
  window?: unknown
  [setting: string]: unknown
}

/**
 * Returns the blob that a request's `blob:` URL named when the request was created. Assigned inside the
 * class.
 */
export let blobOfRequest: (request: Request) => Blob | undefined
/**
 * Creates an incoming request, of which nothing is parsed or copied until a member is read. Assigned inside
 * the class.
 */
export let incomingRequest: (
  method: string,
  url: string,
  headers: string,
  body: BodySource,
  event: IncomingEvent,
) => Request
/**
 * Returns the id of the event that a request, or the request that it copies, came with; 0 for a request that
 * the app made. Assigned inside the class.
 */
export let eventOf: (request: Request) => number

/** The event that an incoming request came with, as far as its Request uses it. */
export interface IncomingEvent {
  readonly id: number
  requestSignal(): AbortSignal
}

export class Request extends Body {
  /** Id of the event that this Request came with; 0 if none. */
  #event = 0
  #method = 'GET'
  #url = ''
  #headers: Headers | undefined
  /** Headers of an incoming request, as text that crossed the bridge. */
  #flat = ''
  #settings: Settings = DEFAULTS
  #signal: AbortSignal | (() => AbortSignal) = createSignal
  #blob: Blob | undefined

  constructor(input: unknown, init: RequestInit = {}) {
    super()
    if ((input as symbol) === INTERNAL) return
    if (arguments.length === 0) throw new TypeError('Request takes a URL or a Request')
    if (init !== null && typeof init !== 'object' && typeof init !== 'function')
      throw new TypeError('Request: init is an object')
    const options = init ?? {}
    const source = input instanceof Request ? input : undefined
    if (source === undefined) {
      const url = new URL(input)
      if (url.username !== '' || url.password !== '')
        throw new TypeError('Request: a URL holds no credentials')
      this.#url = url.href
      // The blob of a `blob:` URL is looked up when the request is created, so that its URL may be revoked
      // before the request is sent.
      if (url.protocol === 'blob:') this.#blob = blobOfUrl(this.#url)
    } else {
      this.#url = source.#url
      this.#method = source.#method
      this.#blob = source.#blob
      this.#event = source.#event
    }
    if (options.window !== undefined && options.window !== null)
      throw new TypeError('Request: window is null')
    this.#settings = readSettings(source === undefined ? DEFAULTS : source.#settings, options)
    if (options.method !== undefined) this.#method = toMethod(options.method)
    if (this.#settings.mode === 'no-cors' && !SIMPLE.has(this.#method))
      throw new TypeError(`Request: mode no-cors does not go with ${this.#method}`)
    this.#followSignal(options, source)
    this.#headers =
      options.headers === undefined ? new Headers(source?.headers) : new Headers(options.headers)
    this.#initBody(options, source)
  }

  #followSignal(options: RequestInit, source: Request | undefined): void {
    const signal = options.signal
    if (signal !== undefined && signal !== null && !(signal instanceof AbortSignal))
      throw new TypeError('Request: signal is an AbortSignal')
    const followed = signal === undefined ? source : signal
    if (followed instanceof Request) this.#signal = () => AbortSignal.any([followed.signal])
    else if (followed instanceof AbortSignal) this.#signal = AbortSignal.any([followed])
  }

  // Returns the value of a Request's member that is the same for all requests. Being private, the method
  // throws if `this` is not a Request.
  #always<T>(value: T): T {
    return value
  }

  #initBody(options: RequestInit, source: Request | undefined): void {
    const given = options.body
    const isGiven = given !== undefined && given !== null
    const bodiless = this.#method === 'GET' || this.#method === 'HEAD'
    if (isGiven && bodiless) throw new TypeError(`Request: ${this.#method} has no body`)
    if (isGiven) {
      const { source: body, type } = extractBody(given)
      if (this.#settings.keepalive && isReadableStream(body))
        throw new TypeError('Request: keepalive does not go with a stream')
      setBody(this, body)
      if (type !== null && !this.headers.has('content-type')) this.headers.set('content-type', type)
    } else if (source !== undefined && given === undefined) {
      if (isUnusable(source)) throw new TypeError('Request: the body of the given Request was read')
      if (bodiless && hasBody(source)) throw new TypeError(`Request: ${this.#method} has no body`)
      setBody(this, takeBody(source))
    }
  }

  get method(): string {
    return this.#method
  }
  get url(): string {
    return this.#url
  }
  get headers(): Headers {
    if (this.#headers === undefined) {
      this.#headers = headersFrom(splitHeaders(this.#flat))
      // Headers of an incoming request are immutable.
      freezeHeaders(this.#headers)
    }
    return this.#headers
  }
  get signal(): AbortSignal {
    if (typeof this.#signal === 'function') this.#signal = this.#signal()
    return this.#signal
  }
  get destination(): string {
    return this.#always('')
  }
  get referrer(): string {
    return this.#settings.referrer
  }
  get referrerPolicy(): string {
    return this.#settings.referrerPolicy
  }
  get mode(): string {
    return this.#settings.mode
  }
  get credentials(): string {
    return this.#settings.credentials
  }
  get cache(): string {
    return this.#settings.cache
  }
  get redirect(): string {
    return this.#settings.redirect
  }
  get integrity(): string {
    return this.#settings.integrity
  }
  get keepalive(): boolean {
    return this.#settings.keepalive
  }
  get isReloadNavigation(): boolean {
    return this.#always(false)
  }
  get isHistoryNavigation(): boolean {
    return this.#always(false)
  }
  get duplex(): string {
    return this.#settings.duplex
  }

  clone(): Request {
    const copy = new Request(INTERNAL)
    setBody(copy, cloneBody(this))
    copy.#method = this.#method
    copy.#url = this.#url
    copy.#headers = new Headers(this.headers)
    if (isFrozen(this.headers)) freezeHeaders(copy.#headers)
    copy.#settings = this.#settings
    copy.#blob = this.#blob
    copy.#event = this.#event
    copy.#signal = () => AbortSignal.any([this.signal])
    return copy
  }

  static {
    blobOfRequest = (request) => request.#blob
    eventOf = (request) => request.#event
    incomingRequest = (method, url, headers, body, event) => {
      const request = new Request(INTERNAL)
      request.#method = method
      request.#url = url
      request.#flat = headers
      request.#settings = INCOMING
      request.#event = event.id
      request.#signal = () => event.requestSignal()
      if (body !== null) setBody(request, body)
      return request
    }
  }
}

function toMethod(value: unknown): string {
  const method = toByteString(value)
  if (!METHOD.test(method)) throw new TypeError(`Request: "${method}" is not a method`)
  const upper = method.toUpperCase()
  if (upper === 'CONNECT' || upper === 'TRACE' || upper === 'TRACK')
    throw new TypeError(`Request: the method ${upper} is not allowed`)
  return NORMALIZED.has(upper) ? upper : method
}

function readSettings(base: Settings, options: RequestInit): Settings {
  const settings = { ...base }
  const choose = (name: keyof Settings, allowed: Choice): void => {
    const value = options[name]
    if (value === undefined) return
    const text = `${value as string}`
    if (!allowed.includes(text)) throw new TypeError(`Request: "${text}" is no value of ${name}`)
    Object.assign(settings, { [name]: text })
  }
  if (options['referrer'] !== undefined) {
    const referrer = toUSVString(options['referrer'])
    settings.referrer = referrer === '' || referrer === 'about:client' ? referrer : new URL(referrer).href
  }
  choose('referrerPolicy', POLICIES)
  choose('mode', MODES)
  if (settings.mode === 'navigate') throw new TypeError('Request: mode navigate is for browsers')
  choose('credentials', CREDENTIALS)
  choose('cache', CACHES)
  if (settings.cache === 'only-if-cached' && settings.mode !== 'same-origin')
    throw new TypeError('Request: only-if-cached goes with mode same-origin')
  choose('redirect', REDIRECTS)
  choose('duplex', ['half'])
  // `priority` of a Request is validated but ignored: the engine sends all requests alike.
  if (options['priority'] !== undefined && !PRIORITIES.includes(`${options['priority'] as string}`))
    throw new TypeError('Request: no such priority')
  if (options['integrity'] !== undefined) settings.integrity = `${options['integrity'] as string}`
  if (options['keepalive'] !== undefined) settings.keepalive = Boolean(options['keepalive'])
  return settings
}
