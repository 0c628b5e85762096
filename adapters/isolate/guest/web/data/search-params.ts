import { readUrlEncoded } from '../../../../../core/runtime/forms/url-encoded.ts'
import { isObject, toPairs, toUSVString } from '../convert.ts'
import { decodeUtf8 } from './encoding.ts'

type Pair = [name: string, value: string]

/** Sets the function that updates a URL when its URLSearchParams change. Assigned inside the class. */
export let linkParams: (params: URLSearchParams, changed: (query: string) => void) => void
/**
 * Replaces all pairs of a URLSearchParams by those of a query, without notifying its URL. Assigned inside the
 * class.
 */
export let resetParams: (params: URLSearchParams, query: string) => void

export class URLSearchParams {
  #pairs: Pair[] = []
  #changed: ((query: string) => void) | undefined

  constructor(init: unknown = '') {
    if (isObject(init)) this.#pairs = toPairs(init, 'URLSearchParams', toUSVString)
    else this.#pairs = parseQuery(toUSVString(init).replace(/^\?/, ''))
  }

  get size(): number {
    return this.#pairs.length
  }
  append(name: string, value: string): void {
    need(arguments.length, 2)
    this.#pairs.push([toUSVString(name), toUSVString(value)])
    this.#update()
  }
  delete(name: string, value?: string): void {
    need(arguments.length, 1)
    const key = toUSVString(name)
    const match = value === undefined ? undefined : toUSVString(value)
    this.#pairs = this.#pairs.filter((pair) => pair[0] !== key || (match !== undefined && pair[1] !== match))
    this.#update()
  }
  get(name: string): string | null {
    need(arguments.length, 1)
    const key = toUSVString(name)
    return this.#pairs.find((pair) => pair[0] === key)?.[1] ?? null
  }
  getAll(name: string): string[] {
    need(arguments.length, 1)
    const key = toUSVString(name)
    return this.#pairs.filter((pair) => pair[0] === key).map((pair) => pair[1])
  }
  has(name: string, value?: string): boolean {
    need(arguments.length, 1)
    const key = toUSVString(name)
    const match = value === undefined ? undefined : toUSVString(value)
    return this.#pairs.some((pair) => pair[0] === key && (match === undefined || pair[1] === match))
  }
  set(name: string, value: string): void {
    need(arguments.length, 2)
    const key = toUSVString(name)
    const text = toUSVString(value)
    const first = this.#pairs.find((pair) => pair[0] === key)
    if (first === undefined) this.#pairs.push([key, text])
    else {
      first[1] = text
      this.#pairs = this.#pairs.filter((pair) => pair === first || pair[0] !== key)
    }
    this.#update()
  }
  sort(): void {
    this.#pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))
    this.#update()
  }
  forEach(callback: (value: string, name: string, params: URLSearchParams) => void, self?: unknown): void {
    if (typeof callback !== 'function') throw new TypeError('forEach takes a function')
    for (const [name, value] of this) callback.call(self, value, name, this)
  }
  keys(): IterableIterator<string> {
    return iterate(
      'URLSearchParams',
      () => this.#pairs,
      (pair) => pair[0],
    )
  }
  values(): IterableIterator<string> {
    return iterate(
      'URLSearchParams',
      () => this.#pairs,
      (pair) => pair[1],
    )
  }
  entries(): IterableIterator<Pair> {
    return iterate(
      'URLSearchParams',
      () => this.#pairs,
      (pair) => [pair[0], pair[1]] as Pair,
    )
  }
  declare [Symbol.iterator]: () => IterableIterator<Pair>
  toString(): string {
    return serializePairs(this.#pairs)
  }
  #update(): void {
    this.#changed?.(this.toString())
  }

  static {
    linkParams = (params, changed) => {
      params.#changed = changed
    }
    resetParams = (params, query) => {
      params.#pairs = parseQuery(query)
    }
    Object.defineProperty(this.prototype, Symbol.iterator, {
      value: this.prototype.entries,
      writable: true,
      configurable: true,
    })
  }
}

function need(given: number, wanted: number): void {
  if (given < wanted)
    throw new TypeError(`${wanted} argument${wanted > 1 ? 's' : ''} required, but only ${given} present.`)
}

const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as object

/**
 * Creates a web class's iterator (such as URLSearchParams') over a list that may change during the iteration,
 * as Web IDL specifies.
 */
export function iterate<Item, Result>(
  what: string,
  list: () => readonly Item[],
  pick: (item: Item) => Result,
): IterableIterator<Result> {
  // `list()` throws if the caller's `this` is an object of another class. It is called when the iterator is
  // created, so that the error is not delayed to the first step.
  list()
  let index = 0
  const iterator = Object.create(iteratorPrototype(what)) as IterableIterator<Result>
  steps.set(iterator, () => {
    const items = list()
    return index < items.length
      ? { value: pick(items[index++] as Item), done: false }
      : { value: undefined, done: true }
  })
  return iterator
}

const steps = new WeakMap<object, () => IteratorResult<unknown>>()
const prototypes = new Map<string, object>()

/** Returns the prototype of one web class's iterators, such as those of URLSearchParams. */
function iteratorPrototype(what: string): object {
  const known = prototypes.get(what)
  if (known !== undefined) return known
  const { next } = {
    next(this: object): IteratorResult<unknown> {
      const step = steps.get(this)
      if (step === undefined) throw new TypeError('Illegal invocation')
      return step()
    },
  }
  const prototype = Object.create(IteratorPrototype, {
    next: { value: next, writable: true, enumerable: true, configurable: true },
    [Symbol.toStringTag]: { value: `${what} Iterator`, configurable: true },
  }) as object
  prototypes.set(what, prototype)
  return prototype
}

/** Parses `application/x-www-form-urlencoded` text into pairs. */
export function parseQuery(query: string): Pair[] {
  const pairs: Pair[] = []
  readUrlEncoded(
    query,
    (bytes) => decodeUtf8(bytes, true),
    (name, value) => pairs.push([name, value]),
  )
  return pairs
}

/** Serializes pairs as `application/x-www-form-urlencoded` text. */
export function serializePairs(pairs: readonly Pair[]): string {
  return pairs.map(([name, value]) => `${encodePart(name)}=${encodePart(value)}`).join('&')
}

function encodePart(text: string): string {
  return encodeURIComponent(text).replace(/%20|[!'()~]/g, (match) =>
    match === '%20' ? '+' : `%${match.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
