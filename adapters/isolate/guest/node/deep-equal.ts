/** Deep equality as `node:assert` has it, strict and loose. */
type Fields = Record<PropertyKey, unknown>

/**
 * True if two values are equal by the rules of `assert.deepStrictEqual`: same prototypes, same own enumerable
 * members, NaN equal to NaN.
 */
export function isDeepStrictEqual(a: unknown, b: unknown): boolean {
  return new Comparison(true).equal(a, b)
}

/** True if two values are equal by the rules of `assert.deepEqual`: primitives by `==`, any prototypes. */
export function isDeepEqual(a: unknown, b: unknown): boolean {
  return new Comparison(false).equal(a, b)
}

/** One comparison of two values. */
class Comparison {
  #strict: boolean
  /** Pairs that are being compared, which end the comparison of circular values. */
  #seen = new Map<object, object>()

  constructor(strict: boolean) {
    this.#strict = strict
  }

  equal(a: unknown, b: unknown): boolean {
    if (this.#strict ? Object.is(a, b) : a === b) return true
    if (!isObject(a) || !isObject(b)) {
      if (this.#strict || isObject(a) || isObject(b)) return false
      // oxlint-disable-next-line eqeqeq -- the rule of assert.deepEqual
      return a == b || (Number.isNaN(a) && Number.isNaN(b))
    }
    if (this.#strict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
    if (tag(a) !== tag(b) || Array.isArray(a) !== Array.isArray(b)) return false
    if (this.#seen.get(a) === b) return true
    this.#seen.set(a, b)
    const isEqual = this.#sameValue(a, b) && this.#sameItems(a, b) && this.#sameMembers(a, b)
    this.#seen.delete(a)
    return isEqual
  }

  /** Compares what an object holds beside its members, such as the time of a Date. */
  #sameValue(a: object, b: object): boolean {
    if (a instanceof Date) return b instanceof Date && Object.is(a.getTime(), b.getTime())
    if (a instanceof RegExp)
      return (
        b instanceof RegExp && a.source === b.source && a.flags === b.flags && a.lastIndex === b.lastIndex
      )
    if (a instanceof URL) return b instanceof URL && a.href === b.href
    if (a instanceof Error)
      return (
        b instanceof Error &&
        a.name === b.name &&
        a.message === b.message &&
        this.equal(a.cause, b.cause) &&
        this.equal((a as AggregateError).errors, (b as AggregateError).errors)
      )
    if (ArrayBuffer.isView(a)) return ArrayBuffer.isView(b) && this.#sameView(a, b)
    if (isBuffer(a)) return isBuffer(b) && sameBytes(bytesOf(a), bytesOf(b))
    if (isBoxed(a)) return isBoxed(b) && Object.is(a.valueOf(), b.valueOf())
    // Nothing tells what these hold: two of them are equal only if they are the same.
    return !(a instanceof WeakMap || a instanceof WeakSet || a instanceof Promise)
  }

  #sameView(a: ArrayBufferView, b: ArrayBufferView): boolean {
    // Without `strict`, 0 and -0 of arrays of floats are equal.
    if (!this.#strict && (a instanceof Float64Array || a instanceof Float32Array))
      return (
        a.length === (b as Float64Array).length && a.every((item, at) => item === (b as Float64Array)[at])
      )
    return sameBytes(bytesOf(a), bytesOf(b))
  }

  /** Compares the items of Maps and Sets, whose order does not matter. */
  #sameItems(a: object, b: object): boolean {
    if (a instanceof Set) return b instanceof Set && this.#match([...a], [...b], (x, y) => this.equal(x, y))
    if (!(a instanceof Map)) return true
    return (
      b instanceof Map &&
      this.#match([...a], [...b], (x, y) => this.equal(x[0], y[0]) && this.equal(x[1], y[1]))
    )
  }

  /** True if each item of `a` is equal to an item of `b` of its own. */
  #match<T>(a: T[], b: T[], equal: (x: T, y: T) => boolean): boolean {
    if (a.length !== b.length) return false
    const left = [...b]
    return a.every((item) => {
      // Items mostly come in the same order, so the first that is left is nearly always the one.
      const at = left.findIndex((other) => equal(item, other))
      if (at >= 0) left.splice(at, 1)
      return at >= 0
    })
  }

  #sameMembers(a: object, b: object): boolean {
    if (Array.isArray(a) && a.length !== (b as unknown[]).length) return false
    const keys = this.#keys(a)
    if (keys.length !== this.#keys(b).length) return false
    return keys.every((key) => isMember(b, key) && this.equal((a as Fields)[key], (b as Fields)[key]))
  }

  #keys(value: object): PropertyKey[] {
    // The items of typed arrays are compared as bytes.
    const names = ArrayBuffer.isView(value) ? ownNames(value) : Object.keys(value)
    if (!this.#strict) return names
    return [...names, ...Object.getOwnPropertySymbols(value).filter((key) => isMember(value, key))]
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
const tag = (value: object): string => Object.prototype.toString.call(value)
const isMember = (value: object, key: PropertyKey): boolean =>
  Object.prototype.propertyIsEnumerable.call(value, key)
const ownNames = (view: ArrayBufferView): string[] => Object.keys(view).filter((key) => !/^\d+$/.test(key))
const BOXED = ['Number', 'Boolean', 'String', 'BigInt', 'Symbol'].map((name) => `[object ${name}]`)
const isBoxed = (value: object): boolean => BOXED.includes(tag(value))

function isBuffer(value: object): value is ArrayBuffer {
  return value instanceof ArrayBuffer
}

function bytesOf(value: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
