/** Counts and classes of a run, and how they are printed. */
import type { KnownClass } from './known-difference.ts'
import { KNOWN } from './known.ts'
import { NO_END, type Outcomes } from './project.ts'
import { BOUNDS, type SuiteName, type SystemName } from './suites.ts'

export type FailureClass = KnownClass | 'wrong value' | 'hang' | 'missing method'

export interface Failure {
  name: string
  class: FailureClass
  /** What the test said, and for a known difference its reason. */
  text: string
}

/** One target's share of one suite. */
export interface TargetReport {
  target: Exclude<SystemName, 'oracle'>
  /** How many of the tests pass that the oracle passes. */
  passed: number
  failures: Failure[]
}

export interface SuiteReport {
  suite: SuiteName
  /** Tests that the oracle passes. */
  oracle: number
  /** Tests that the oracle fails, with what they said. */
  failedByOracle: string[]
  /** Tests that are not asked, with the reason. */
  notAsked: string[]
  targets: TargetReport[]
  /** Why the suite failed; empty where it did not. */
  problems: string[]
}

/** Compares the targets' outcomes with the oracle's. */
export function reportSuite(
  suite: SuiteName,
  oracle: Outcomes,
  targets: Readonly<Partial<Record<SystemName, Outcomes>>>,
): SuiteReport {
  const outcomes = [...oracle.values()]
  const passed = outcomes.filter(({ error, skipped }) => error === undefined && skipped === undefined)
  const reports = Object.entries(targets).map(([target, own]): TargetReport => {
    const failures = passed.flatMap(({ name }) =>
      failureOf(suite, target as TargetReport['target'], name, own),
    )
    return { target: target as TargetReport['target'], passed: passed.length - failures.length, failures }
  })
  return {
    suite,
    oracle: passed.length,
    failedByOracle: outcomes.flatMap(({ name, error }) => (error === undefined ? [] : [`${name}: ${error}`])),
    notAsked: outcomes.flatMap(({ name, skipped }) => (skipped === undefined ? [] : [`${name}: ${skipped}`])),
    targets: reports,
    problems: problemsOf(suite, passed.length, reports),
  }
}

function failureOf(suite: SuiteName, target: TargetReport['target'], name: string, own: Outcomes): Failure[] {
  const outcome = own.get(name)
  const error = outcome === undefined ? 'it was not reached' : (outcome.error ?? outcome.skipped)
  if (error === undefined) return []
  const known = KNOWN.find(
    (one) =>
      one.suite === suite &&
      (one.on ?? target) === target &&
      (typeof one.test === 'string' ? one.test === name : one.test.test(name)),
  )
  if (known !== undefined) return [{ name, class: known.class, text: `${known.reason} (${error})` }]
  return [{ name, class: classOf(error), text: error }]
}

/** What the text of an undeclared failure says of its kind. */
function classOf(error: string): FailureClass {
  if (error === NO_END) return 'hang'
  return /is not a function|is not defined|is not a constructor|is not implemented/.test(error)
    ? 'missing method'
    : 'wrong value'
}

const OPEN = new Set<FailureClass>(['wrong value', 'hang', 'missing method'])

function problemsOf(suite: SuiteName, oracle: number, targets: readonly TargetReport[]): string[] {
  const { count, floor } = BOUNDS[suite]
  const problems: string[] = []
  if (oracle < count) problems.push(`the oracle passes ${oracle}, of at least ${count} that are to be asked`)
  for (const { target, passed, failures } of targets) {
    if (passed < oracle * floor)
      problems.push(`${target} passes ${share(passed, oracle)} of them, less than ${floor}`)
    const open = failures.filter((failure) => OPEN.has(failure.class)).length
    if (open > 0)
      problems.push(`${target} has ${open} failures that are a wrong value, a hang or a missing method`)
  }
  return problems
}

/** @returns a share with three digits, cut and not rounded, so that what misses a floor does not seem to reach it. */
const share = (passed: number, of: number): string =>
  of === 0 ? '0' : (Math.floor((passed / of) * 1000) / 1000).toFixed(3)

/** The lines of the table and of all failures. */
export function linesOf(reports: readonly SuiteReport[]): string[] {
  const lines: string[] = []
  for (const { suite, failedByOracle, notAsked, targets } of reports) {
    for (const { target, failures } of targets)
      for (const failure of failures)
        lines.push(`${suite} | ${target} | ${failure.class} | ${failure.name} | ${oneLine(failure.text)}`)
    for (const text of failedByOracle) lines.push(`${suite} | the oracle fails it | ${oneLine(text)}`)
    for (const text of notAsked) lines.push(`${suite} | not asked | ${oneLine(text)}`)
  }
  const cells = reports.map(({ suite, oracle, targets, problems }) => [
    suite,
    String(oracle),
    ...targets.map(({ target, passed }) => `${target} ${passed} (${share(passed, oracle)})`),
    `floor ${BOUNDS[suite].floor}`,
    problems.length === 0 ? 'ok' : 'FAILED',
  ])
  lines.push('', ...cells.map((row) => row.join(' | ')))
  for (const { suite, problems } of reports)
    for (const problem of problems) lines.push(`${suite}: ${problem}`)
  return lines
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').slice(0, 300)
