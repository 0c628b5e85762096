/** Web IDL conversions that several classes share. */

/** Converts a value to a string without lone surrogates (Web IDL's USVString). */
export function toUSVString(value: unknown): string {
  return `${value as string}`.toWellFormed()
}

/** Converts a value to a string of code units up to 255 (Web IDL's ByteString). */
export function toByteString(value: unknown): string {
  const text = `${value as string}`
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 255)
      throw new TypeError(`The character at index ${index} has a value over 255: header text is bytes.`)
  }
  return text
}

/** True if `value` is an object or a function. */
export function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

/** Returns the bytes of a buffer source (ArrayBuffer or view) as a view of the same memory. */
export function viewOf(source: ArrayBuffer | ArrayBufferView<ArrayBufferLike>): Uint8Array<ArrayBuffer> {
  const view = ArrayBuffer.isView(source)
  const buffer = (view ? source.buffer : source) as ArrayBuffer
  // A detached buffer has no bytes, and V8 throws when a view of it is created.
  if (buffer.detached) return new Uint8Array(0)
  return view ? new Uint8Array(buffer, source.byteOffset, source.byteLength) : new Uint8Array(buffer)
}

/** True if `value` is an ArrayBuffer, a view of one, or a SharedArrayBuffer. */
export function isBufferSource(value: unknown): value is ArrayBuffer | ArrayBufferView<ArrayBufferLike> {
  return ArrayBuffer.isView(value) || isArrayBuffer(value)
}

const byteLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')?.get as (
  this: unknown,
) => number
let sharedByteLength: ((this: unknown) => number) | undefined
// The getter of SharedArrayBuffer's `byteLength` is looked up on first use: SharedArrayBuffer is missing
// while a snapshot is built.
function sharedGetter(): (this: unknown) => number {
  return (sharedByteLength ??= Object.getOwnPropertyDescriptor(SharedArrayBuffer.prototype, 'byteLength')
    ?.get as (this: unknown) => number)
}

function hasSlot(getter: (this: unknown) => number, value: unknown): boolean {
  try {
    Reflect.apply(getter, value, [])
    return true
  } catch {
    return false
  }
}

export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  if (typeof value !== 'object' || value === null) return false
  return value instanceof ArrayBuffer
    ? hasSlot(byteLength, value)
    : hasSlot(byteLength, value) || hasSlot(sharedGetter(), value)
}

/**
 * Returns the method that iterates an object; undefined if there is none. The property is read only once,
 * because a getter or a proxy may count the reads.
 */
export function iteratorOf(object: object): unknown {
  return (object as { [Symbol.iterator]?: unknown })[Symbol.iterator] ?? undefined
}

/** Converts an iterable to a Web IDL sequence. Each item is converted as soon as it is read. */
export function toSequence<T>(
  object: object,
  iterate: unknown,
  what: string,
  convert: (item: unknown) => T,
): T[] {
  if (typeof iterate !== 'function') throw new TypeError(`${what}: the value is not iterable`)
  const items: T[] = []
  const sequence: Iterable<unknown> = {
    [Symbol.iterator]: () => Reflect.apply(iterate, object, []) as Iterator<unknown, undefined>,
  }
  for (const item of sequence) items.push(convert(item))
  return items
}

/**
 * Returns the key and value pairs of a sequence of pairs or of a record. `toText` converts keys and values to
 * strings, in the order of Web IDL.
 */
export function toPairs(init: object, what: string, toText: (value: unknown) => string): [string, string][] {
  const iterator = iteratorOf(init)
  if (iterator !== undefined) {
    return toSequence(init, iterator, what, (entry) => {
      if (!isObject(entry)) throw new TypeError(`${what}: each entry is a pair`)
      const pair = Array.from(entry as Iterable<unknown>)
      if (pair.length !== 2) throw new TypeError(`${what}: each entry is a pair`)
      return [toText(pair[0]), toText(pair[1])]
    })
  }
  // Keys of a Web IDL record that convert to the same string form one entry: the last value, at the place of
  // the first.
  const record = new Map<string, string>()
  for (const key of Reflect.ownKeys(init)) {
    const descriptor = Reflect.getOwnPropertyDescriptor(init, key)
    if (descriptor === undefined || !descriptor.enumerable) continue
    if (typeof key === 'symbol') throw new TypeError(`${what}: a name is a string`)
    record.set(toText(key), toText((init as Record<string, unknown>)[key]))
  }
  return [...record]
}
