/** Web IDL conversions that several classes share. */

/** A string without lone surrogates. */
export function toUSVString(value: unknown): string {
  return `${value as string}`.toWellFormed()
}

/** A string of code units up to 255. */
export function toByteString(value: unknown): string {
  const text = `${value as string}`
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 255) throw new TypeError(`The character at index ${index} has a value over 255: header text is bytes.`)
  }
  return text
}

/** Whether `value` is an object or a function. */
export function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

/** The bytes of a buffer source, as a view of the same memory. */
export function viewOf(source: ArrayBuffer | ArrayBufferView<ArrayBufferLike>): Uint8Array<ArrayBuffer> {
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength)
  return new Uint8Array(source)
}

/** Whether `value` is an ArrayBuffer, a view of one, or a SharedArrayBuffer. */
export function isBufferSource(value: unknown): value is ArrayBuffer | ArrayBufferView<ArrayBufferLike> {
  return ArrayBuffer.isView(value) || isArrayBuffer(value)
}

const byteLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')?.get as (this: unknown) => number
let sharedByteLength: ((this: unknown) => number) | undefined
// Looked up when first needed: SharedArrayBuffer is missing while a snapshot is built.
function sharedGetter(): (this: unknown) => number {
  return (sharedByteLength ??= Object.getOwnPropertyDescriptor(SharedArrayBuffer.prototype, 'byteLength')?.get as (this: unknown) => number)
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
  return value instanceof ArrayBuffer ? hasSlot(byteLength, value) : hasSlot(byteLength, value) || hasSlot(sharedGetter(), value)
}

/** Key and value pairs of a sequence of pairs or a record. */
export function toPairs(init: object, what: string): [unknown, unknown][] {
  const iterator = (init as { [Symbol.iterator]?: unknown })[Symbol.iterator]
  if (iterator !== undefined && iterator !== null) {
    if (typeof iterator !== 'function') throw new TypeError(`${what}: the value is not iterable`)
    return Array.from(init as Iterable<Iterable<unknown>>, (entry) => {
      if (!isObject(entry)) throw new TypeError(`${what}: each entry is a pair`)
      const pair = Array.from(entry)
      if (pair.length !== 2) throw new TypeError(`${what}: each entry is a pair`)
      return pair as [unknown, unknown]
    })
  }
  const pairs: [unknown, unknown][] = []
  for (const key of Reflect.ownKeys(init)) {
    const descriptor = Reflect.getOwnPropertyDescriptor(init, key)
    if (descriptor === undefined || !descriptor.enumerable) continue
    if (typeof key === 'symbol') throw new TypeError(`${what}: a name is a string`)
    pairs.push([key, (init as Record<string, unknown>)[key]])
  }
  return pairs
}
