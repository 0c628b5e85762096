import type { AttackClass } from './attack.ts'

/** Numbers from 0 to 1 that the seed alone decides (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Names of attacks by class: `count` of each class, and of those that may end the shared process, which take
 * long, one of all classes. The same seed draws the same.
 */
export function draw(
  classes: readonly AttackClass[],
  count: number,
  seed: number,
): ReadonlyMap<string, string[]> {
  const next = random(seed)
  const pick = <T>(from: T[]): T | undefined => from.splice(Math.floor(next() * from.length), 1)[0]
  const drawn = new Map<string, string[]>()
  const ending: [string, string][] = []
  for (const { name, attacks } of classes) {
    const there = attacks.filter(({ notYet }) => notYet === undefined)
    const gentle = there.filter((one) => one.endsProcess === undefined).map((one) => one.name)
    for (const one of there) if (one.endsProcess !== undefined) ending.push([name, one.name])
    drawn.set(
      name,
      Array.from({ length: count }, () => pick(gentle)).filter((one) => one !== undefined),
    )
  }
  const [name, attack] = pick(ending) ?? []
  if (name !== undefined && attack !== undefined) drawn.get(name)?.push(attack)
  return drawn
}
