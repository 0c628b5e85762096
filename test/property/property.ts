/** The property: what one target answers is what another answers. */
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { type Exchange, exchanges, type Seen, send } from './exchange.ts'

/** A side of the comparison: a target, or a way to one. */
export interface Side {
  readonly name: string
  readonly url: string
}

/** A difference, after shrinking. */
export interface Difference {
  /** The smallest exchange found that shows it. */
  readonly exchange: Exchange
  readonly seen: readonly (readonly [side: string, seen: Seen])[]
  /** Give it as `--path`, with the same seed, to see it again. */
  readonly path: string
}

/** What one run came to. */
export interface Outcome {
  readonly seed: number
  /** Exchanges before the first difference, shrinking not counted. */
  readonly runs: number
  readonly difference: Difference | undefined
}

/** Sends random exchanges to all sides at once and compares each pair of answers. `shrink`: default true. */
export async function compareSides(
  sides: readonly Side[],
  options: { runs: number; seed: number; path?: string | undefined; shrink?: boolean },
): Promise<Outcome> {
  let last: (readonly [string, Seen])[] = []
  const result = await fc.check(
    fc.asyncProperty(exchanges, async (exchange) => {
      const seen = await Promise.all(
        sides.map(async ({ name, url }) => [name, await send(url, exchange)] as const),
      )
      const [first, ...others] = seen.map(([, one]) => comparable(one, sides))
      if (others.every((one) => isDeepStrictEqual(one, first))) return
      last = seen
      throw new Error('the answers differ')
    }),
    {
      numRuns: options.runs,
      seed: options.seed,
      endOnFailure: options.shrink === false,
      ...(options.path === undefined ? {} : { path: options.path }),
    },
  )
  if (!result.failed) return { seed: options.seed, runs: result.numRuns, difference: undefined }
  const [exchange] = result.counterexample ?? []
  if (exchange === undefined) throw new Error('The property failed without an exchange.')
  return {
    seed: options.seed,
    runs: result.numRuns,
    difference: { exchange, seen: last, path: result.counterexamplePath ?? '' },
  }
}

/** Sides that write header values beyond ASCII as UTF-8, and declare it (handlers-75). */
const UTF8_SIDES: readonly string[] = ['cloudflare']

/** What counts: all of it, but for values beyond ASCII where one of the sides writes them otherwise. */
function comparable(seen: Seen, sides: readonly Side[]): unknown {
  if (!sides.some(({ name }) => UTF8_SIDES.includes(name))) return seen
  return {
    ...seen,
    headers: seen.headers.map((line) => line.replace(/[\u0080-\uffff].*/s, '')),
    // What the app tells of such a header that it got, in JSON.
    body: seen.body.replace(/\["x-q\d","(?:[^"\\]|\\.)*"\]/g, (field) =>
      /[\u0080-\uffff]/.test(field) ? '[]' : field,
    ),
  }
}
