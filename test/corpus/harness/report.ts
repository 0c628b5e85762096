import type { AppResult, Result } from './results.ts'
import type { SuiteName } from './suites.ts'

const LINES_PER_FAILURE = 20
const LINE_WIDTH = 600

/** The counts of a run: `total` is app x target x request. */
export interface Summary {
  suite: SuiteName
  total: number
  failed: number
  declared: number
}

export function summarize(suite: SuiteName, apps: readonly AppResult[]): Summary {
  const results = apps.flatMap((app) => app.results)
  const sum = (count: (result: Result) => number): number =>
    results.reduce((all, result) => all + count(result), 0)
  return {
    suite,
    total: sum(({ total }) => total),
    failed: sum(failed),
    declared: sum(declared),
  }
}

function failed({ failures }: Result): number {
  return failures.reduce((all, failure) => all + failure.failed, 0)
}

function declared(result: Result): number {
  return result.declared
}

/** One row per app and one column per target. */
export function report(apps: readonly AppResult[], targets: readonly string[]): string {
  const rows = [
    ['app', ...targets],
    ...apps.map(({ app, results, skipped }) => [
      app.name,
      ...(skipped === undefined ? results.map(cell) : targets.map(() => 'skipped')),
    ]),
    ['all', ...targets.map((target) => total(apps, target))],
  ]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  const table = rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return table.join('\n')
}

/** The row of one app, for a line while the run goes on. */
export function row({ results, skipped }: AppResult): string {
  return skipped === undefined
    ? results.map((result) => `${result.target} ${cell(result)}`).join(', ')
    : `skipped: ${skipped}`
}

function cell(result: Result): string {
  if (result.declared > 0) return 'refused'
  const passed = result.total - failed(result)
  return `${passed}/${result.total}${passed === result.total ? '' : ' FAILED'}`
}

function total(apps: readonly AppResult[], target: string): string {
  const own = apps.flatMap(({ results }) => results).filter((result) => result.target === target)
  const all = own.reduce((sum, result) => sum + result.total, 0)
  const refused = own.reduce((sum, result) => sum + result.declared, 0)
  const wrong = own.reduce((sum, result) => sum + failed(result), 0)
  return `${all - refused - wrong}/${all}${refused > 0 ? ` (${refused} refused)` : ''}`
}

/** What failed, was declared, or was skipped. */
export function notes({ app, results, skipped }: AppResult): string[] {
  if (skipped !== undefined) return [`\n${app.name}: skipped: ${skipped}`]
  const refused = results.filter((result) => result.declared > 0)
  // What failed alike on several targets, such as the control itself, is told once.
  const failures = new Map<string, { targets: string[]; name: string; lines: readonly string[] }>()
  for (const { target, failures: own } of results)
    for (const { name, lines } of own) {
      const key = `${name}\n${lines.join('\n')}`
      const known = failures.get(key)
      if (known === undefined) failures.set(key, { targets: [target], name, lines })
      else known.targets.push(target)
    }
  return [
    ...refused.map(({ target, reason = '' }) => `\n${app.name} on ${target}: refused: ${reason}`),
    ...[...failures.values()].map(
      ({ targets, name, lines }) =>
        `\n${app.name} on ${targets.join(', ')}: ${name}\n` +
        lines
          .flatMap((line) => line.split('\n'))
          .slice(0, LINES_PER_FAILURE)
          .map((line) => `    ${line.slice(0, LINE_WIDTH)}`)
          .join('\n'),
    ),
  ]
}
