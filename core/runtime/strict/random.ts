/**
 * Pseudo-random generator of a strict build: the same numbers (from 0 up to 1) for the same seed and name.
 */
export type Random = () => number

/**
 * Creates a random generator for each name (mulberry32), so that the use of one binding does not change the
 * numbers of another.
 */
export function seededRandom(seed: number, name: string): Random {
  let state = seed >>> 0
  for (const character of name)
    state = Math.imul(state ^ (character.codePointAt(0) as number), 0x9e3779b1) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Returns a copy of a list in random order. */
export function shuffled<T>(elements: readonly T[], random: Random): T[] {
  const result = [...elements]
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[result[last], result[other]] = [result[other] as T, result[last] as T]
  }
  return result
}
