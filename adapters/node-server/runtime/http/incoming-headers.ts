import type { IncomingMessage } from 'node:http'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/**
 * Read-only view of an incoming request's headers, read from node:http's own object without a copy.
 * `instanceof Headers` holds, and every reader of a Headers object accepts it. Methods that change headers
 * throw, as on Workers.
 *
 * The server runs with `joinDuplicateHeaders`, so repeated fields are joined by ", " (cookies by "; ").
 */
export class IncomingHeaders {
  readonly #values: IncomingMessage['headers']
  readonly #raw: readonly string[]

  constructor(incoming: IncomingMessage) {
    this.#values = incoming.headers
    this.#raw = incoming.rawHeaders
  }

  get(name: string): string | null {
    const lower = toName(name)
    if (lower === LOST) return lostHeader(this.#raw) ?? null
    // Only own properties of node:http's header object count: that object inherits from Object, and
    // `constructor` is a valid header name.
    if (!Object.hasOwn(this.#values, lower)) return null
    const value = this.#values[lower]
    return value === undefined ? null : typeof value === 'string' ? value : value.join(', ')
  }

  has(name: string): boolean {
    const lower = toName(name)
    if (lower === LOST) return lostHeader(this.#raw) !== undefined
    return Object.hasOwn(this.#values, lower) && this.#values[lower] !== undefined
  }

  getSetCookie(): string[] {
    return [...(this.#values['set-cookie'] ?? [])]
  }

  forEach(callback: (value: string, name: string, headers: Headers) => void, thisArg?: unknown): void {
    for (const [name, value] of this.#entries())
      callback.call(thisArg, value, name, this as unknown as Headers)
  }

  entries(): IterableIterator<[string, string]> {
    return this.#entries().values()
  }

  keys(): IterableIterator<string> {
    return this.#entries()
      .map(([name]) => name)
      .values()
  }

  values(): IterableIterator<string> {
    return this.#entries()
      .map(([, value]) => value)
      .values()
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries()
  }

  append(name: string, _value: string): void {
    refuse(name)
  }

  delete(name: string): void {
    refuse(name)
  }

  set(name: string, _value: string): void {
    refuse(name)
  }

  #entries(): [string, string][] {
    const entries: [string, string][] = []
    for (const name of Object.keys(this.#values).sort()) {
      const value = this.#values[name]
      if (typeof value === 'string') entries.push([name, value])
      else if (value !== undefined) for (const one of value) entries.push([name, one])
    }
    const lost = lostHeader(this.#raw)
    if (lost !== undefined) entries.push([LOST, lost])
    return lost === undefined ? entries : entries.toSorted(([a], [b]) => (a < b ? -1 : 1))
  }

  [Symbol.for('nodejs.util.inspect.custom')](
    _depth: number,
    options: object,
    inspect: (value: unknown, options: object) => string,
  ): string {
    return `Headers ${inspect(Object.fromEntries(this.#entries()), options)}`
  }
}

/** A valid header name that node:http's header object cannot hold: setting it sets the object's prototype. */
export const LOST = '__proto__'

/** Returns the value of the header {@link LOST} in a list of raw names and values; undefined if absent. */
export function lostHeader(raw: readonly string[]): string | undefined {
  let found: string | undefined
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string
    if (name.length !== LOST.length || name.charCodeAt(0) !== 0x5f || name.toLowerCase() !== LOST) continue
    const value = raw[index + 1] as string
    found = found === undefined ? value : `${found}, ${value}`
  }
  return found
}

Object.setPrototypeOf(IncomingHeaders.prototype, Headers.prototype)

function toName(name: string): string {
  const text = String(name)
  if (!TOKEN.test(text)) throw new TypeError(`"${text}" is not a valid header name`)
  return text.toLowerCase()
}

function refuse(name: string): never {
  throw new TypeError(
    `The headers of an incoming request are immutable, so "${name}" cannot be changed. Make a copy: new ` +
      'Request(request, { headers }) or new Headers(request.headers).',
  )
}
