import type { Result } from './runner.ts'

/** What came of one class. */
export interface Report {
  readonly class: string
  results: readonly Result[]
  /** Holes that are planted for it. */
  readonly holes: number
  /** How many of them its judge has convicted. */
  convicted: number
}

/** How many attacks ended how. */
export interface Counts {
  tried: number
  held: number
  bounded: number
  harmful: number
}

/** The last line of a run. */
export interface Summary extends Counts {
  classes: Record<string, Counts>
  planted: { holes: number; convicted: number }
}

function count(results: readonly Result[]): Counts {
  const of = (wanted: string): number => results.filter(({ outcome }) => outcome.result === wanted).length
  return { tried: results.length, held: of('held'), bounded: of('bounded'), harmful: of('harmful') }
}

/** Sums up. With `planted`, a class whose hole was not convicted counts as not tried: its judge is blind. */
export function summarize(reports: readonly Report[], planted: boolean): Summary {
  const sum: Summary = {
    tried: 0,
    held: 0,
    bounded: 0,
    harmful: 0,
    classes: {},
    planted: {
      holes: planted ? reports.reduce((all, { holes }) => all + holes, 0) : 0,
      convicted: reports.reduce((all, { convicted }) => all + convicted, 0),
    },
  }
  for (const { class: name, results, holes, convicted } of reports) {
    const counts = count(results)
    sum.classes[name] = counts
    sum.harmful += counts.harmful
    if (planted && convicted < holes) continue
    sum.tried += counts.tried
    sum.held += counts.held
    sum.bounded += counts.bounded
  }
  return sum
}

/** A class for people: its counts, what was harmful, and what took longer than `slowMs`. */
export function reportLine({ class: name, results }: Report, slowMs: number): string {
  const { tried, held, bounded, harmful } = count(results)
  const lines = [`${name}: ${tried} tried, ${held} held, ${bounded} bounded, ${harmful} harmful`]
  for (const { attack, outcome } of results)
    if (outcome.result === 'harmful') lines.push(`  harmful: ${attack}: ${outcome.why.slice(0, 1500)}`)
  for (const { attack, ms, outcome } of results)
    if (ms > slowMs) lines.push(`  ${Math.round(ms)} ms: ${attack}: ${outcome.result}`)
  return lines.join('\n')
}
