/**
 * Known lengths of streams that have not been read yet: bodies that came with a length, and bytes in memory.
 * A body that is passed on unchanged keeps its length, as on workerd.
 */
const lengths = new WeakMap<object, number>()

export function noteLength(stream: object, length: number): void {
  lengths.set(stream, length)
}

export function lengthOf(stream: object): number | undefined {
  return lengths.get(stream)
}
