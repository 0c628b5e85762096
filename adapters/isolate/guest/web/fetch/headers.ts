import { isObject, toByteString, toPairs } from '../convert.ts'
import { iterate } from '../data/search-params.ts'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
// EDGES is the white space that is trimmed from a header value; FORBIDDEN are characters that no value may
// hold.
const EDGES = /^[\t\n\r ]+|[\t\n\r ]+$/g
const FORBIDDEN = /[\0\r\n]/

function toName(name: unknown): string {
  const text = toByteString(name)
  if (!TOKEN.test(text)) throw new TypeError(`Headers: "${text}" is not a header name`)
  return text.toLowerCase()
}

function toValue(value: unknown): string {
  const text = toByteString(value).replace(EDGES, '')
  if (FORBIDDEN.test(text)) throw new TypeError('Headers: a value holds no line break and no NUL')
  return text
}

/**
 * Creates headers from the runtime's own pairs `[name, value, name, value]`, with names in lower case.
 * Assigned inside the class.
 */
export let headersFrom: (flat: readonly string[]) => Headers
/** Returns headers as pairs `[name, value, name, value]`, with a pair for each Set-Cookie. */
export let flatHeaders: (headers: Headers) => string[]
/** Joins header names and values to text for the bridge, on a line each: neither can hold a line feed. */
export function joinHeaders(flat: readonly string[]): string {
  let text = ''
  for (let index = 0; index < flat.length; index++)
    text = index === 0 ? (flat[0] as string) : `${text}\n${flat[index]}`
  return text
}
/** Splits the header text of {@link joinHeaders} into names and values. */
export function splitHeaders(text: string): string[] {
  return text === '' ? [] : text.split('\n')
}
/** Makes a Headers object immutable, as those of a fetched response are. */
export let freezeHeaders: (headers: Headers) => void
/** True if a Headers object is immutable. */
export let isFrozen: (headers: Headers) => boolean

export class Headers {
  /** Values of a Headers object by name; undefined until the flat pairs are needed as a map. */
  #map: Map<string, string> | undefined
  #flat: readonly string[] | undefined
  #cookies: string[] = []
  #sorted: [string, string][] | undefined
  #immutable = false

  constructor(init?: unknown) {
    if (init === undefined) return
    if (!isObject(init)) throw new TypeError('Headers takes a record or a sequence of pairs')
    if (#immutable in init && !Object.hasOwn(init, Symbol.iterator)) {
      const map = init.#values()
      this.#map = new Map(map)
      this.#cookies = [...init.#cookies]
      return
    }
    for (const [name, value] of toPairs(init, 'Headers', toByteString))
      this.#append(toName(name), toValue(value))
  }

  #values(): Map<string, string> {
    if (this.#map !== undefined) return this.#map
    const map = (this.#map = new Map<string, string>())
    const flat = this.#flat
    this.#flat = undefined
    if (flat !== undefined)
      for (let index = 0; index < flat.length; index += 2)
        this.#append(flat[index] as string, flat[index + 1] as string)
    return map
  }

  #append(name: string, value: string): void {
    const map = this.#values()
    if (name === 'set-cookie') this.#cookies.push(value)
    const old = map.get(name)
    map.set(name, old === undefined ? value : `${old}, ${value}`)
    this.#sorted = undefined
  }

  #writable(): void {
    if (this.#immutable)
      throw new TypeError('These headers are immutable. Make a copy: new Headers(request.headers)')
  }

  append(name: string, value: string): void {
    need(arguments.length, 2)
    const key = toName(name)
    const text = toValue(value)
    this.#writable()
    this.#append(key, text)
  }
  delete(name: string): void {
    need(arguments.length, 1)
    const key = toName(name)
    this.#writable()
    this.#values().delete(key)
    if (key === 'set-cookie') this.#cookies = []
    this.#sorted = undefined
  }
  get(name: string): string | null {
    need(arguments.length, 1)
    return this.#values().get(toName(name)) ?? null
  }
  getSetCookie(): string[] {
    this.#values()
    return [...this.#cookies]
  }
  has(name: string): boolean {
    need(arguments.length, 1)
    return this.#values().has(toName(name))
  }
  set(name: string, value: string): void {
    need(arguments.length, 2)
    const key = toName(name)
    const text = toValue(value)
    this.#writable()
    this.#values().set(key, text)
    if (key === 'set-cookie') this.#cookies = [text]
    this.#sorted = undefined
  }

  #list(): readonly [string, string][] {
    if (this.#sorted !== undefined) return this.#sorted
    const list: [string, string][] = []
    for (const name of [...this.#values().keys()].sort()) {
      if (name === 'set-cookie') for (const cookie of this.#cookies) list.push([name, cookie])
      else list.push([name, this.#values().get(name) as string])
    }
    return (this.#sorted = list)
  }
  forEach(callback: (value: string, name: string, headers: Headers) => void, self?: unknown): void {
    if (typeof callback !== 'function') throw new TypeError('forEach takes a function')
    for (const [name, value] of this) callback.call(self, value, name, this)
  }
  keys(): IterableIterator<string> {
    return iterate(
      'Headers',
      () => this.#list(),
      (pair) => pair[0],
    )
  }
  values(): IterableIterator<string> {
    return iterate(
      'Headers',
      () => this.#list(),
      (pair) => pair[1],
    )
  }
  entries(): IterableIterator<[string, string]> {
    return iterate(
      'Headers',
      () => this.#list(),
      (pair) => [pair[0], pair[1]] as [string, string],
    )
  }
  declare [Symbol.iterator]: () => IterableIterator<[string, string]>

  static {
    Object.defineProperty(this.prototype, Symbol.iterator, {
      value: this.prototype.entries,
      writable: true,
      configurable: true,
    })
    headersFrom = (flat) => {
      const headers = new Headers()
      headers.#flat = flat
      return headers
    }
    flatHeaders = (headers) => {
      const flat: string[] = []
      for (const [name, value] of headers.#values()) {
        if (name === 'set-cookie') for (const cookie of headers.#cookies) flat.push(name, cookie)
        else flat.push(name, value)
      }
      return flat
    }
    freezeHeaders = (headers) => {
      headers.#immutable = true
    }
    isFrozen = (headers) => headers.#immutable
  }
}

function need(given: number, wanted: number): void {
  if (given < wanted)
    throw new TypeError(
      `Headers: ${wanted} argument${wanted > 1 ? 's' : ''} required, but only ${given} present.`,
    )
}
