import { GROUPS } from './case.ts'

/**
 * Outcome of a conformance case. `skipped`: the target lacks the capability, and the negative twin passed.
 */
export type Outcome = 'passed' | 'failed' | 'skipped' | 'expectedFailure'

/** The result of one conformance case. */
export interface CaseResult {
  id: string
  group: string
  contract: string
  outcome: Outcome
  ms: number
  /** Error message of the failed conformance case. */
  error?: string
  /** Reason for a conformance case that was skipped or is expected to fail. */
  reason?: string
}

/** Case counts of one group of conformance cases, by outcome. */
export interface GroupCount {
  total: number
  passed: number
  expectedFailures: number
  skipped: number
  failed: number
}

/**
 * Report of a conformance run. `total` is the number of selected cases in the source list, even if the run
 * crashed.
 */
export interface Report extends GroupCount {
  target: string
  /** Name and version of the target's runtime, as it reports them itself. */
  runtime: string
  groups: Record<string, GroupCount>
  cases: CaseResult[]
}

function count(cases: readonly CaseResult[]): GroupCount {
  const of = (outcome: Outcome): number => cases.filter((one) => one.outcome === outcome).length
  return {
    total: cases.length,
    passed: of('passed'),
    expectedFailures: of('expectedFailure'),
    skipped: of('skipped'),
    failed: of('failed'),
  }
}

/** Creates the report of a conformance run: counts results by group, in the order of the suite's groups. */
export function createReport(
  target: string,
  runtime: string,
  cases: CaseResult[],
  order: readonly string[] = GROUPS,
): Report {
  const groups: Report['groups'] = {}
  for (const group of order) {
    const own = cases.filter((one) => one.group === group)
    if (own.length > 0) groups[group] = count(own)
  }
  return { target, runtime, ...count(cases), groups, cases }
}

/**
 * Returns a conformance report as the one JSON line of `--reporter json`: counts, and only those cases that
 * did not pass.
 */
export function reportLine({
  target,
  runtime,
  total,
  passed,
  expectedFailures,
  skipped,
  failed,
  groups,
  cases,
}: Report): object {
  const notPassed = cases
    .filter(({ outcome }) => outcome !== 'passed')
    .map(({ id, outcome, error, reason }) => ({ id, outcome, error, reason }))
  return { target, runtime, total, passed, expectedFailures, skipped, failed, groups, cases: notPassed }
}

/** Returns a conformance report as a table for people, followed by the cases that did not pass. */
export function reportText(report: Report): string {
  const rows = [...Object.entries(report.groups), ['all', report] as const].map(
    ([name, { total, passed, skipped, expectedFailures, failed }]) =>
      [name, total, passed, skipped, expectedFailures, failed].map(String),
  )
  const table = [['group', 'total', 'passed', 'skipped', 'expected', 'failed'], ...rows]
  const widths = (table[0] as string[]).map((_, column) =>
    Math.max(...table.map((row) => (row[column] as string).length)),
  )
  const lines = table.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] as number) : cell.padStart(widths[column] as number),
      )
      .join('  '),
  )
  const others = report.cases.flatMap(({ id, outcome, reason }) =>
    outcome === 'skipped' || outcome === 'expectedFailure'
      ? [`${outcome === 'skipped' ? 'skipped' : 'expected failure'} ${id}: ${reason}`]
      : [],
  )
  const details = [...failures(report.cases), ...others]
  return [`${report.target}: ${report.runtime}`, ...lines, ...details].join('\n')
}

/**
 * Lists failed conformance cases with their contracts. Cases with the same error are listed together, as all
 * cases fail alike if a target does not start.
 */
function failures(cases: readonly CaseResult[]): string[] {
  const alike = Map.groupBy(
    cases.filter(({ outcome }) => outcome === 'failed'),
    ({ error }) => error,
  )
  return [...alike].flatMap(([error, failed]) => {
    if (failed.length <= 3)
      return failed.flatMap(({ id, contract }) => [`FAILED ${id}: ${contract}`, `       ${error}`])
    return [
      `FAILED ${failed.length} cases: ${failed
        .slice(0, 5)
        .map(({ id }) => id)
        .join(', ')}${failed.length > 5 ? ', ...' : ''}`,
      `       ${error}`,
    ]
  })
}
