/**
 * Properties of parsers and codecs over random data. The seeds are fixed, so that a run finds what the run
 * before found. To look further: `UNMOOR_PROPERTY_RUNS=50000 UNMOOR_PROPERTY_SEED=7 npx vitest run
 * test/unit/properties`. A failure prints its seed, its path and the smallest counterexample.
 */
import * as fc from 'fast-check'

const SEEDS = [1, 2, 3]
const RUNS = 600

/** Seeds and runs of each seed: `UNMOOR_PROPERTY_SEED` and `UNMOOR_PROPERTY_RUNS` replace the fixed ones. */
function plan(runs: number): { seeds: readonly number[]; runs: number } {
  const { UNMOOR_PROPERTY_SEED: seed, UNMOOR_PROPERTY_RUNS: more } = process.env
  return {
    seeds: seed === undefined ? SEEDS : [Number(seed)],
    runs: more === undefined ? runs : Number(more),
  }
}

/** Asserts that a check throws for no value. Default of `runs`: 600 a seed. */
export function holds<Value>(
  values: fc.Arbitrary<Value>,
  check: (value: Value) => void,
  options: { runs?: number } = {},
): void {
  const { seeds, runs } = plan(options.runs ?? RUNS)
  for (const seed of seeds)
    fc.assert(
      fc.property(values, (value) => {
        check(value)
      }),
      { seed, numRuns: runs },
    )
}

/** As {@link holds}, for a check that takes time. Default of `runs`: 200 a seed. */
export async function holdsAsync<Value>(
  values: fc.Arbitrary<Value>,
  check: (value: Value) => Promise<void>,
  options: { runs?: number } = {},
): Promise<void> {
  const { seeds, runs } = plan(options.runs ?? 200)
  for (const seed of seeds)
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        await check(value)
      }),
      { seed, numRuns: runs },
    )
}

/** Text of any characters, half surrogate pairs excepted, with those that matter to parsers in front. */
export function textOf(special: readonly string[], maxLength = 20): fc.Arbitrary<string> {
  const unit = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...special) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
  )
  return fc.array(unit, { maxLength }).map((parts) => parts.join(''))
}

/** Bytes of text, with some of them changed: near to what a parser reads. */
export function damaged(text: fc.Arbitrary<string | Uint8Array>): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('set', 'cut', 'add')), {
    maxLength: 3,
  })
  return fc.tuple(text, changes).map(([given, places]) => {
    const bytes = [...Buffer.from(given as string)]
    for (const [place, value, how] of places) {
      const at = bytes.length === 0 ? 0 : place % bytes.length
      if (how === 'set' && bytes.length > 0) bytes[at] = value
      else if (how === 'cut') bytes.splice(at, 1 + (value % 4))
      else bytes.splice(at, 0, value)
    }
    return new Uint8Array(bytes)
  })
}

/** What a function returns, or the error that it throws. */
export function attempt<Result>(work: () => Result): Result | Error {
  try {
    return work()
  } catch (error) {
    if (error instanceof Error) return error
    throw new Error(`It threw ${typeof error}, which is no error.`, { cause: error })
  }
}
