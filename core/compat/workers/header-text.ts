/**
 * Header values as workerd has them: text that is UTF-8 on the wire, in both directions. The web's own
 * Headers take and return a character for each byte (Latin-1), and refuse characters above U+00FF.
 */
import { extendGlobal } from './extend-global.ts'

// oxlint-disable-next-line no-control-regex
const NON_ASCII = /[^\x00-\x7f]/

/** Converts text to the characters U+0000 to U+00FF that stand for its bytes in UTF-8. */
function toByteText(given: string): string {
  const text = String(given)
  if (!NON_ASCII.test(text)) return text
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')
}

/** Converts the characters that stand for a header value's bytes to text. */
function fromByteText(bytes: string): string {
  if (!NON_ASCII.test(bytes)) return bytes
  return new TextDecoder().decode(Uint8Array.from(bytes, (character) => character.charCodeAt(0)))
}

type Pair = readonly [string, string]
interface Reads {
  get(name: string): string | null
  getSetCookie(): string[]
  entries(): IterableIterator<[string, string]>
}

/** Methods that read headers as the target has them, by the prototype that was patched. */
const own = new WeakMap<object, Reads>()

/** Makes the global Headers, Request and Response take any text as a header value, and Headers return it. */
export function installHeaderText(): void {
  const { prototype } = Headers
  for (const method of ['set', 'append'] as const) {
    const write = prototype[method]
    define(prototype, method, function (this: Headers, ...args: [string, string]): void {
      if (args.length > 1 && !isIncoming(this)) args[1] = toByteText(args[1])
      write.apply(this, args)
    })
  }
  readAsText(prototype)
  extendGlobal('Headers', { prepare: ([init, ...rest]) => [toHeadersInit(init), ...rest] })
}

/**
 * True for a target's own class of incoming headers, which only the target fills, with bytes. The class
 * shows Headers as its constructor; a Worker's subclass shows itself.
 */
function isIncoming(headers: Headers): boolean {
  const { prototype } = Headers
  return Object.getPrototypeOf(headers) !== prototype && headers.constructor.prototype === prototype
}

/** Makes a target's class of headers return values as text. */
export function readAsText(prototype: object): void {
  const inherits = !Object.hasOwn(prototype, 'get') && Headers.prototype.isPrototypeOf(prototype)
  if (inherits || own.has(prototype)) return
  const method = <Name extends keyof Reads>(name: Name): Reads[Name] =>
    Reflect.get(prototype, name) as Reads[Name]
  const get = method('get')
  const getSetCookie = method('getSetCookie')
  const entries = method('entries')
  own.set(prototype, { get, getSetCookie, entries })
  define(prototype, 'get', function (this: Reads, ...args: [string]) {
    const value = get.apply(this, args)
    return value === null ? null : fromByteText(value)
  })
  define(prototype, 'getSetCookie', function (this: Reads) {
    return getSetCookie.call(this).map(fromByteText)
  })
  const decoded = function (this: Reads): IterableIterator<[string, string]> {
    return [...entries.call(this)]
      .map(([name, value]): [string, string] => [name, fromByteText(value)])
      .values()
  }
  define(prototype, 'entries', decoded)
  define(prototype, Symbol.iterator, decoded)
  define(prototype, 'values', function (this: Reads) {
    return [...decoded.call(this)].map(([, value]) => value).values()
  })
  type Visit = (value: string, name: string, headers: unknown) => void
  define(prototype, 'forEach', function (this: Reads, visit: Visit, self?: unknown) {
    if (typeof visit !== 'function') throw new TypeError('Headers.forEach takes a function.')
    for (const [name, value] of decoded.call(this)) visit.call(self, value, name, this)
  })
}

/**
 * Makes headers return their values as the target has them, a character for each byte, for the target that
 * sends them.
 */
export function readAsBytes(headers: Headers): void {
  const reads = own.get(Headers.prototype) as Reads
  if (![...reads.entries.call(headers)].some(([, value]) => NON_ASCII.test(value))) return
  const entries = (): IterableIterator<[string, string]> => reads.entries.call(headers)
  define(headers, 'get', (name: string) => reads.get.call(headers, name))
  define(headers, 'getSetCookie', () => reads.getSetCookie.call(headers))
  define(headers, 'entries', entries)
  define(headers, Symbol.iterator, entries)
  define(headers, 'values', () => [...entries()].map(([, value]) => value).values())
  define(headers, 'forEach', (visit: (value: string, name: string, headers: Headers) => void) => {
    for (const [name, value] of entries()) visit(value, name, headers)
  })
}

/** Returns the options of a Request, a Response or `fetch` with header values that the target takes. */
export function withHeaderText(init: unknown): unknown {
  if (typeof init !== 'object' || init === null) return init
  const { headers } = init as { headers?: unknown }
  const converted = toHeadersInit(headers)
  return converted === headers ? init : { ...init, headers: converted }
}

/**
 * Pairs that {@link toHeadersInit} made. A target's Request may hand them on to another constructor that
 * converts, and they are converted once.
 */
const converted = new WeakSet<object>()

/** Converts what Headers are made of; Headers, and what is ASCII only, are returned as given. */
function toHeadersInit(init: unknown): unknown {
  if (typeof init !== 'object' || init === null || init instanceof Headers || converted.has(init)) return init
  const pairs = Symbol.iterator in init ? pairsOf(init as Iterable<Iterable<unknown>>) : pairsOfRecord(init)
  if (pairs === undefined) return init
  converted.add(pairs)
  return pairs
}

/** Reads an iterable once: an iterator has its pairs for one reader only. */
function pairsOf(init: Iterable<Iterable<unknown>>): Iterable<unknown>[] {
  return Array.from(init, (pair) => {
    const [name, value, ...more] = pair
    return more.length > 0 || value === undefined ? pair : [name, toByteText(value as string)]
  })
}

function pairsOfRecord(init: object): Pair[] | undefined {
  const record = init as Record<string, string>
  const names = Object.keys(record)
  if (!names.some((name) => NON_ASCII.test(String(record[name])))) return undefined
  return names.map((name): Pair => [name, toByteText(record[name] as string)])
}

function define(holder: object, name: string | symbol, value: unknown): void {
  Object.defineProperty(holder, name, { value, writable: true, configurable: true, enumerable: false })
}
