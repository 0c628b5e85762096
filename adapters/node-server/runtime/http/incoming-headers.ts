import type { IncomingMessage } from 'node:http'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/**
 * The headers of an incoming request, read from node:http's own object without a copy. A `Headers` for
 * `instanceof` and for everything that reads one. Immutable, as on Workers: what changes them there throws
 * here too.
 *
 * The server runs with `joinDuplicateHeaders`, so repeated fields are joined by ", " (cookies by "; ").
 */
export class IncomingHeaders {
  readonly #values: IncomingMessage['headers']

  constructor(incoming: IncomingMessage) {
    this.#values = incoming.headers
  }

  get(name: string): string | null {
    const lower = toName(name)
    // Own properties only: node's object has Object's prototype, and `constructor` is a valid header name.
    if (!Object.hasOwn(this.#values, lower)) return null
    const value = this.#values[lower]
    return value === undefined ? null : typeof value === 'string' ? value : value.join(', ')
  }

  has(name: string): boolean {
    const lower = toName(name)
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
    return entries
  }

  [Symbol.for('nodejs.util.inspect.custom')](
    _depth: number,
    options: object,
    inspect: (value: unknown, options: object) => string,
  ): string {
    return `Headers ${inspect(Object.fromEntries(this.#entries()), options)}`
  }
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
