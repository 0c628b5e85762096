/**
 * Size of a value in V8's serialization format, which an isolate does not offer to its code:
 * https://source.chromium.org/chromium/chromium/src/+/main:v8/src/objects/value-serializer.cc
 */

/** Bytes of the format's version before the value. */
const HEADER = 2
const TAG = 1
const DOUBLE = 8
const SMI = 2 ** 30
const ONE_BYTE = /^[\0-\xff]*$/

/**
 * Returns the number of bytes in which V8 serializes a value that `structuredClone` takes. The result is
 * exact for JSON, Date, Map, Set, RegExp and bytes. Arrays count as free of holes, and an error as its text.
 */
export function serializedSize(value: unknown): number {
  return HEADER + new Sizes().of(value)
}

function varint(number: number): number {
  let bytes = 1
  for (let rest = number; rest >= 128; rest = Math.floor(rest / 128)) bytes++
  return bytes
}

class Sizes {
  /** Objects in the order of their first occurrence; later ones are references to the first. */
  #seen = new Map<object, number>()
  #at = HEADER

  of(value: unknown): number {
    const begun = this.#at
    this.#write(value)
    return this.#at - begun
  }

  #write(value: unknown): void {
    switch (typeof value) {
      case 'string':
        return this.#string(value)
      case 'number':
        return this.#number(value)
      case 'bigint':
        return this.#bigint(value)
      case 'object':
        return value === null ? void (this.#at += TAG) : this.#reference(value)
      default:
        this.#at += TAG
    }
  }

  #string(text: string): void {
    if (ONE_BYTE.test(text)) {
      this.#at += TAG + varint(text.length) + text.length
      return
    }
    const bytes = text.length * 2
    const head = TAG + varint(bytes)
    // Characters of two bytes begin at an even place.
    const padding = (this.#at + head) % 2
    this.#at += padding + head + bytes
  }

  #number(number: number): void {
    const isSmi = Number.isInteger(number) && number >= -SMI && number < SMI && !Object.is(number, -0)
    this.#at += TAG + (isSmi ? varint(number < 0 ? -2 * number - 1 : 2 * number) : DOUBLE)
  }

  #bigint(number: bigint): void {
    const digits = (number < 0n ? -number : number).toString(16).length
    const bytes = number === 0n ? 0 : Math.ceil(digits / 16) * 8
    this.#at += TAG + varint(bytes * 2) + bytes
  }

  #reference(object: object): void {
    const known = this.#seen.get(object)
    if (known !== undefined) {
      this.#at += TAG + varint(known)
      return
    }
    if (ArrayBuffer.isView(object)) this.#write(object.buffer)
    this.#seen.set(object, this.#seen.size)
    this.#object(object)
  }

  #object(object: object): void {
    if (Array.isArray(object)) {
      this.#at += TAG + varint(object.length)
      for (let index = 0; index < object.length; index++) this.#write(object[index])
      const more = Object.keys(object).filter((key) => !/^\d+$/.test(key))
      this.#properties(object, more)
      this.#at += TAG + varint(more.length) + varint(object.length)
    } else if (object instanceof Date) this.#at += TAG + DOUBLE
    else if (object instanceof Map) {
      this.#at += TAG
      for (const [key, item] of object) for (const each of [key, item]) this.#write(each)
      this.#at += TAG + varint(object.size * 2)
    } else if (object instanceof Set) {
      this.#at += TAG
      for (const item of object) this.#write(item)
      this.#at += TAG + varint(object.size)
    } else if (object instanceof RegExp) {
      this.#at += TAG
      this.#string(object.source)
      this.#at += 1
    } else if (object instanceof ArrayBuffer) this.#at += TAG + varint(object.byteLength) + object.byteLength
    else if (ArrayBuffer.isView(object))
      this.#at += TAG + 1 + varint(object.byteOffset) + varint(object.byteLength) + 1
    else if (object instanceof Error) this.#error(object)
    else {
      const keys = Object.keys(object)
      this.#at += TAG
      this.#properties(object, keys)
      this.#at += TAG + varint(keys.length)
    }
  }

  #error({ message, stack = '' }: Error): void {
    this.#at += TAG + TAG + TAG + TAG + TAG
    this.#string(message)
    this.#string(stack)
  }

  #properties(object: object, keys: readonly string[]): void {
    for (const key of keys) {
      // A key that is an index is written as a number.
      if (/^(?:0|[1-9]\d{0,8})$/.test(key)) this.#number(Number(key))
      else this.#string(key)
      this.#write(Reflect.get(object, key))
    }
  }
}
