/**
 * Lengths of streams that are known before they are read: bodies that came with one, and bytes in memory. A
 * body that is sent on as it is keeps its length, as on workerd.
 */
const lengths = new WeakMap<object, number>()

export function noteLength(stream: object, length: number): void {
  lengths.set(stream, length)
}

export function lengthOf(stream: object): number | undefined {
  return lengths.get(stream)
}
