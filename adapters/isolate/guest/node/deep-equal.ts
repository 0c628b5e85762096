/**
 * True if two values are equal by the rules of `assert.deepStrictEqual`: same prototypes, same own enumerable
 * members, NaN equal to NaN.
 */
export function isDeepStrictEqual(a: unknown, b: unknown): boolean {
  return equal(a, b, new Map())
}

function equal(a: unknown, b: unknown, seen: Map<object, object>): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
  if (seen.get(a) === b) return true
  seen.set(a, b)
  if (a instanceof Date) return a.getTime() === (b as Date).getTime()
  if (a instanceof RegExp) return a.source === (b as RegExp).source && a.flags === (b as RegExp).flags
  if (a instanceof Error && (a.name !== (b as Error).name || a.message !== (b as Error).message)) return false
  if (ArrayBuffer.isView(a) || a instanceof ArrayBuffer)
    return sameBytes(bytesOf(a), bytesOf(b as ArrayBuffer))
  if (a instanceof Map)
    return (
      a.size === (b as Map<unknown, unknown>).size &&
      [...a].every(
        ([key, value]) =>
          (b as Map<unknown, unknown>).has(key) && equal(value, (b as Map<unknown, unknown>).get(key), seen),
      )
    )
  if (a instanceof Set)
    return (
      a.size === (b as Set<unknown>).size &&
      [...a].every(
        (item) =>
          (b as Set<unknown>).has(item) || [...(b as Set<unknown>)].some((other) => equal(item, other, seen)),
      )
    )
  if (Array.isArray(a) && a.length !== (b as unknown[]).length) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every(
      (key) =>
        Object.hasOwn(b, key) &&
        equal((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], seen),
    )
  )
}

function bytesOf(value: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
