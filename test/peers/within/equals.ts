/** Equality as vitest's `toEqual` has it: what is undefined counts as absent. */
export function equals(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Date || b instanceof Date)
    return a instanceof Date && b instanceof Date && a.getTime() === b.getTime()
  if (a instanceof Error || b instanceof Error)
    return a instanceof Error && b instanceof Error && a.name === b.name && a.message === b.message
  if (a instanceof Map || b instanceof Map)
    return a instanceof Map && b instanceof Map && equals([...a], [...b])
  if (a instanceof Set || b instanceof Set)
    return a instanceof Set && b instanceof Set && equals([...a], [...b])
  if (a instanceof ArrayBuffer && b instanceof ArrayBuffer)
    return equals([...new Uint8Array(a)], [...new Uint8Array(b)])
  if (Array.isArray(a) !== Array.isArray(b) || ArrayBuffer.isView(a) !== ArrayBuffer.isView(b)) return false
  if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length) return false
  const left = present(a)
  const right = present(b)
  return (
    left.size === right.size &&
    [...left].every(([key, value]) => right.has(key) && equals(value, right.get(key)))
  )
}

function present(value: object): Map<string, unknown> {
  return new Map(Object.entries(value).filter(([, one]) => one !== undefined))
}
