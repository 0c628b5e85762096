/** The page of results: what the last recorded runs of the suites said, with their dates and versions. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from './page.ts'
import { recordFile } from './record.ts'
import { type Suite, type SuiteRecord, SUITES } from './suites.ts'

const MATRIX = 'core/tools/conformance/MATRIX.md'

/** Writes the page. A suite without a record says so, with the command that makes one. */
export function readResults(root: string): Page {
  const markdown = [
    '# Results',
    '',
    'What the last recorded run of each suite said. A figure here was printed by the command beside it; where ' +
      'no run is recorded, none is claimed.',
    '',
    `To run a suite and record it: \`npm run docs -- --record NAME\`, with one of ${names()}.`,
    '',
    '## Targets',
    '',
    ...targets(root),
    ...SUITES.flatMap((suite) => [`## ${suite.title}`, '', suite.asks, '', ...lastRun(root, suite), '']),
    '## Web platform tests',
    '',
    'No run is recorded here: they need a checkout of the suite. Its README has a table of passed tests by area: ' +
      '[test/wpt](test/wpt/index.md).',
    '',
  ].join('\n')
  return {
    source: undefined,
    path: 'results.html',
    title: 'Results',
    label: 'Results',
    markdown,
    kind: 'reference',
  }
}

const names = (): string => SUITES.map(({ name }) => `\`${name}\``).join(', ')

/** The totals of the matrix, which `unmoor conformance` writes by itself. */
function targets(root: string): string[] {
  const rows = readFileSync(join(root, MATRIX), 'utf8').split('\n')
  const wanted = rows.filter((row) => /^\| (?:Cases|---|\*\*all\*\*) \|/.test(row))
  const date = dateOf(root, MATRIX)
  return [
    "The conformance suite on each target's real runtime: passed of total. Skipped cases need a capability that " +
      'the target lacks, and the opposite was tested. [Each group and each reason](core/tools/conformance/matrix.md), ' +
      '[all that differs](core/tools/conformance/deviations.md).',
    '',
    ...wanted,
    '',
    date === undefined ? 'The date of the run is not known here.' : `The table was committed on ${date}.`,
    '',
  ]
}

/** Returns the day of the last commit of a file; undefined without the history. */
function dateOf(root: string, file: string): string | undefined {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    if (git('rev-parse', '--is-shallow-repository') !== 'false') return undefined
    return git('log', '-1', '--format=%cs', '--', file) || undefined
  } catch {
    return undefined
  }
}

function lastRun(root: string, { name, command }: Suite): string[] {
  const file = recordFile(root, name)
  const line = command.join(' ')
  if (!existsSync(file)) return [`No run is recorded. The command: \`${line}\`.`]
  const { date, commit, seconds, versions, exitCode, lines, ...kept } = JSON.parse(
    readFileSync(file, 'utf8'),
  ) as SuiteRecord
  const counts = lines.map((one) => new Map(countsOf(one)))
  const columns = [...new Set(counts.flatMap((one) => [...one.keys()]))]
  const list = Object.entries(versions).map(([product, version]) => `${product} ${version}`)
  return [
    `| ${columns.join(' | ')} |`,
    `|${' --- |'.repeat(columns.length)}`,
    ...counts.map((one) => `| ${columns.map((column) => one.get(column) ?? '').join(' | ')} |`),
    '',
    `${exitCode === 0 ? 'Passed' : `**Failed** with exit code ${exitCode}`} on ${date} in ${seconds} s, commit ` +
      `${commit}, with ${list.join(', ')}: \`${kept.command}\`.`,
  ]
}

/** Returns the figures of a line of JSON: values, lengths of lists, and values one level deeper by both names. */
function countsOf(line: Readonly<Record<string, unknown>>, prefix = ''): [string, string][] {
  return Object.entries(line).flatMap(([key, value]): [string, string][] => {
    if (Array.isArray(value)) return [[prefix + key, String(value.length)]]
    if (typeof value !== 'object' || value === null) return [[prefix + key, String(value)]]
    return prefix === '' && key !== 'classes' ? countsOf(value as Record<string, unknown>, `${key}: `) : []
  })
}
