/**
 * Serializes structured-cloneable values to text, cycles included, and back: for queue messages of type v8,
 * values in Durable Objects, and calls between Workers. A value that JSON cannot express is `["tag", ...]`;
 * objects and arrays seen before are `["ref", number]`.
 */

type Json = unknown

/** Stores a value that a call passes by reference and returns its index; undefined for any other value. */
type Keep = (value: object) => number | undefined

/**
 * Serializes a structured-cloneable value to text. @throws `DataCloneError` for functions, symbols and other
 * values that cannot be cloned.
 */
export function serialize(value: unknown, keep?: Keep): string {
  return JSON.stringify(new Writer(keep).write(value))
}

/** Restores a value from the text of {@link serialize}; `kept` are the values that its `keep` stored. */
export function deserialize(text: string, kept: readonly unknown[] = []): unknown {
  return new Reader(kept).read(JSON.parse(text) as Json)
}

const ERRORS: Readonly<Record<string, ErrorConstructor>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
}
const VIEWS = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
} as const

class Writer {
  #seen = new Map<object, number>()
  readonly #keep: Keep | undefined

  constructor(keep: Keep | undefined) {
    this.#keep = keep
  }

  write(value: unknown): Json {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0)
          ? value
          : ['number', Object.is(value, -0) ? '-0' : String(value)]
      case 'undefined':
        return ['undefined']
      case 'bigint':
        return ['bigint', String(value)]
      case 'object':
        return value === null ? null : this.#object(value)
      case 'function': {
        const place = this.#keep?.(value)
        if (place !== undefined) return ['kept', place]
      }
    }
    throw new DOMException(
      `${typeof value === 'function' ? String(value).slice(0, 60) : String(value)} could not be cloned.`,
      'DataCloneError',
    )
  }

  #object(value: object): Json {
    const known = this.#seen.get(value)
    if (known !== undefined) return ['ref', known]
    const place = this.#keep?.(value)
    if (place !== undefined) return ['kept', place]
    this.#seen.set(value, this.#seen.size)
    if (Array.isArray(value)) return ['array', ...Array.from(value, (item: unknown) => this.write(item))]
    if (value instanceof Date) return ['date', value.getTime()]
    if (value instanceof Map) return ['map', ...[...value].flat().map((item) => this.write(item))]
    if (value instanceof Set) return ['set', ...[...value].map((item) => this.write(item))]
    if (value instanceof RegExp) return ['regexp', value.source, value.flags]
    if (value instanceof ArrayBuffer) return ['buffer', toBase64(new Uint8Array(value))]
    if (ArrayBuffer.isView(value)) {
      const name = value instanceof DataView ? 'DataView' : Object.prototype.toString.call(value).slice(8, -1)
      return ['view', name, toBase64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))]
    }
    if (value instanceof Error)
      return [
        'error',
        value.name,
        value.message,
        value.stack ?? '',
        ...('cause' in value && value.cause !== undefined ? [this.write(value.cause)] : []),
      ]
    if (/^\[object (?:Boolean|Number|String)\]$/.test(Object.prototype.toString.call(value)))
      return ['boxed', this.write(value.valueOf())]
    if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet)
      throw new DOMException(
        `${Object.prototype.toString.call(value)} could not be cloned.`,
        'DataCloneError',
      )
    if (value instanceof Headers) return ['headers', ...[...value].flat()]
    refusePlatformObject(value)
    return ['object', ...Object.entries(value).flatMap(([key, item]) => [key, this.write(item)])]
  }
}

/** Web platform classes that the serializer refuses: their instances would be serialized as empty objects. */
const PLATFORM = [
  ['AbortController', 'AbortSignal', 'Blob', 'CryptoKey', 'EventTarget', 'FormData', 'Request', 'Response'],
  ['ReadableStream', 'TransformStream', 'URL', 'URLSearchParams', 'WeakRef', 'WritableStream'],
].flat()

function refusePlatformObject(value: object): void {
  const tag = Object.prototype.toString.call(value).slice(8, -1)
  // A Worker's own classes may extend platform classes; such instances are serialized with their properties.
  if (tag === 'Object' || !PLATFORM.some((name) => value instanceof (Reflect.get(globalThis, name) as never)))
    return
  throw new DOMException(
    `Could not serialize object of type "${tag}". This type does not support serialization.`,
    'DataCloneError',
  )
}

class Reader {
  #seen: object[] = []
  readonly #kept: readonly unknown[]

  constructor(kept: readonly unknown[]) {
    this.#kept = kept
  }

  read(data: Json): unknown {
    if (!Array.isArray(data)) return data
    const [tag, ...rest] = data as [string, ...Json[]]
    switch (tag) {
      case 'undefined':
        return undefined
      case 'number':
        return Number(rest[0])
      case 'bigint':
        return BigInt(rest[0] as string)
      case 'ref':
        return this.#seen[rest[0] as number]
      case 'kept':
        return this.#kept[rest[0] as number]
      case 'array': {
        const array: unknown[] = this.#keep([])
        for (const item of rest) array.push(this.read(item))
        return array
      }
      case 'object': {
        const object: Record<string, unknown> = this.#keep({})
        for (let index = 0; index < rest.length; index += 2)
          define(object, rest[index] as string, this.read(rest[index + 1]))
        return object
      }
      case 'map': {
        const map = this.#keep(new Map<unknown, unknown>())
        for (let index = 0; index < rest.length; index += 2) {
          const key = this.read(rest[index])
          map.set(key, this.read(rest[index + 1]))
        }
        return map
      }
      case 'set': {
        const set = this.#keep(new Set<unknown>())
        for (const item of rest) set.add(this.read(item))
        return set
      }
      case 'headers': {
        const headers = this.#keep(new Headers())
        for (let index = 0; index < rest.length; index += 2)
          headers.append(rest[index] as string, rest[index + 1] as string)
        return headers
      }
      case 'date':
        // The time of an invalid date is NaN, which JSON writes as null.
        return this.#keep(new Date((rest[0] as number | null) ?? NaN))
      case 'regexp':
        return this.#keep(new RegExp(rest[0] as string, rest[1] as string))
      case 'buffer':
        return this.#keep(fromBase64(rest[0] as string).buffer)
      case 'view':
        return this.#keep(createView(rest[0] as string, fromBase64(rest[1] as string).buffer))
      case 'boxed':
        return this.#keep(Object(this.read(rest[0])) as object)
      case 'error': {
        const [name, message, stack] = rest as [string, string, string]
        const error = this.#keep(new (ERRORS[name] ?? Error)(message))
        if (error.name !== name) error.name = name
        error.stack = stack
        if (rest.length > 3) error.cause = this.read(rest[3])
        return error
      }
    }
    throw new DOMException(`The value has an unknown part "${tag}".`, 'DataCloneError')
  }

  #keep<T extends object>(value: T): T {
    this.#seen.push(value)
    return value
  }
}

/** Sets an own property of a deserialized object, even if its name is `__proto__`. */
function define(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
  else object[key] = value
}

function createView(name: string, buffer: ArrayBuffer): ArrayBufferView {
  if (name === 'DataView') return new DataView(buffer)
  const View = VIEWS[name as keyof typeof VIEWS] ?? Uint8Array
  return new View(buffer)
}

export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  // Serialized bytes are converted to base64 in slices: a call with millions of arguments overflows the
  // stack.
  for (let at = 0; at < bytes.length; at += 0x8000)
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return btoa(binary)
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
}
