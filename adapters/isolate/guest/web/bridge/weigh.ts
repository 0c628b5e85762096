/**
 * Weight of a message on the bridge: about its bytes in the engine's memory, with every value in it counted
 * as a hundred. Built-ins are saved before tenant code runs.
 */
const { apply } = Reflect
const { isArray } = Array
const { keys } = Object
const { isView } = ArrayBuffer
const mapForEach = Map.prototype.forEach
const setForEach = Set.prototype.forEach
const TypedArray = Object.getPrototypeOf(Uint8Array.prototype) as object
const bufferOf = Object.getOwnPropertyDescriptor(TypedArray, 'buffer')?.get as (this: unknown) => ArrayBuffer
const sizeOf = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')?.get as (
  this: unknown,
) => number

const VALUE = 100

export function weigh(value: unknown): number {
  if (typeof value === 'string') return VALUE + value.length
  if (typeof value !== 'object' || value === null) return VALUE
  let weight = VALUE
  if (isArray(value)) {
    for (let index = 0; index < value.length; index++) weight += weigh(value[index])
    return weight
  }
  if (value instanceof Map) {
    apply(mapForEach, value, [(item: unknown, key: unknown) => void (weight += weigh(key) + weigh(item))])
    return weight
  }
  if (value instanceof Set) {
    apply(setForEach, value, [(item: unknown) => void (weight += weigh(item))])
    return weight
  }
  // A typed array or DataView weighs as much as its whole buffer, which the bridge transfers.
  if (isView(value)) return weight + weighBuffer(apply(bufferOf, value, []))
  if (value instanceof ArrayBuffer) return weight + weighBuffer(value)
  const names = keys(value)
  for (let index = 0; index < names.length; index++)
    weight +=
      (names[index] as string).length + weigh((value as Record<string, unknown>)[names[index] as string])
  return weight
}

function weighBuffer(buffer: ArrayBuffer): number {
  try {
    return apply(sizeOf, buffer, [])
  } catch {
    // A SharedArrayBuffer weighs nothing: shared memory is not copied.
    return 0
  }
}
