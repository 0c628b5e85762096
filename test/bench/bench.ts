import type { LoadGenerator } from './load.ts'
import { NotThere, type Subject, subjectsOf } from './subject.ts'

/** How much is measured. */
export interface BenchOptions {
  /** Rounds per id: each runs ours and every peer once, in turn. */
  rounds: number
  /** Seconds of load per server and round. */
  seconds: number
  load: LoadGenerator
  /** Another commit (`--commit`), which ours is compared with in place of the peers. */
  base?: Subject | undefined
  /** True if any of these ids is asked for (`--only`). */
  wants: (...ids: string[]) => boolean
  /** Takes ids out of the run that the other commit cannot answer, and names them. */
  leaveOut: (ids: readonly string[], why: string) => void
  /** Progress for people. */
  log: (line: string) => void
}

/** The figures of one id: medians over the rounds; the smaller, the better. */
export interface BenchResult {
  id: string
  unit: string
  ours: number
  against: Record<string, number>
  /** The peer's figure over ours: above 1, ours is smaller. */
  ratio: Record<string, number>
  /** Requests per second, medians. */
  rps?: Record<string, number>
  /** Milliseconds, medians of the rounds' medians and 99th percentiles. */
  latency?: Record<string, { p50: number; p99: number }>
  /** Half of the range between the quartiles over the median, per contender: how far rounds lie apart. */
  spread: Record<string, number>
  /** Shown beside the figures. */
  note?: string
}

/** Benches that are run together, by name. */
export interface BenchGroup {
  readonly name: string
  /** Every id that {@link run} gives where all are wanted. */
  readonly ids: readonly string[]
  run(options: BenchOptions): Promise<BenchResult[]>
}

/** What one measurement gives: one result, or those of its rounds together. */
export type Measurement = readonly [
  ids: string | readonly string[],
  run: () => Promise<BenchResult | BenchResult[]>,
]

/** Runs those of the measurements that are asked for, one after another. */
export async function runWanted(
  { wants, leaveOut }: BenchOptions,
  measurements: readonly Measurement[],
): Promise<BenchResult[]> {
  const results: BenchResult[] = []
  for (const [ids, run] of measurements) {
    if (!wants(...[ids].flat())) continue
    try {
      results.push(...[await run()].flat())
    } catch (error) {
      if (!(error instanceof NotThere)) throw error
      leaveOut([ids].flat(), error.message)
    }
  }
  return results
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

function quantile(values: readonly number[], at: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const position = (sorted.length - 1) * at
  const low = sorted[Math.floor(position)] as number
  return low + ((sorted[Math.ceil(position)] as number) - low) * (position % 1)
}

/** A result from every contender's figures, one per round; `ours` is the first of them. */
export function summarize(
  id: string,
  unit: string,
  figures: ReadonlyMap<string, readonly number[]>,
): BenchResult {
  const ours = median(figures.get('ours') as readonly number[])
  const against: Record<string, number> = {}
  const ratio: Record<string, number> = {}
  const spread: Record<string, number> = {}
  for (const [name, values] of figures) {
    const middle = median(values)
    spread[name] = round((quantile(values, 0.75) - quantile(values, 0.25)) / 2 / middle)
    if (name === 'ours') continue
    against[name] = round(middle)
    ratio[name] = round(middle / ours)
  }
  return { id, unit, ours: round(ours), against, ratio, spread }
}

/** One figure of each subject, where rounds would take too long. */
export async function oneEach(
  id: string,
  unit: string,
  options: BenchOptions,
  measure: (subject: Subject) => Promise<number>,
): Promise<BenchResult> {
  const figures = new Map<string, number[]>()
  for (const subject of subjectsOf(options)) figures.set(subject.name, [await measure(subject)])
  return summarize(id, unit, figures)
}

/** To three decimals. */
export function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
