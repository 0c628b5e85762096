import { GROUPS } from './case.ts'
import type { GroupCount, Report } from './report.ts'

/**
 * Returns the text of a cell of the conformance matrix: passed of total, and the numbers of skipped and
 * failed cases.
 */
function cell(count: GroupCount | undefined): string {
  if (count === undefined) return '-'
  const notes = [
    count.skipped > 0 ? `${count.skipped} skipped` : '',
    count.expectedFailures > 0 ? `${count.expectedFailures} expected` : '',
    count.failed > 0 ? `**${count.failed} failed**` : '',
  ].filter((note) => note !== '')
  return `${count.passed}/${count.total}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`
}

/**
 * Returns the conformance matrix in Markdown, targets by case group. Its text is the same on every machine.
 */
export function matrixText(reports: readonly Report[]): string {
  const head = ['Cases', ...reports.map(({ target }) => target)]
  const rows = [
    ...GROUPS.map((group) => [group, ...reports.map((report) => cell(report.groups[group]))]),
    ['**all**', ...reports.map(cell)],
  ]
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const notes = reports.flatMap((report) => [...absentGroups(report), ...caseNotes(report)])
  return [
    '# Conformance',
    '',
    'Passed of total, each target on its real runtime. Written by `unmoor conformance --target all ' +
      '--matrix FILE`; do not edit.',
    '',
    line(head),
    line(head.map(() => '---')),
    ...rows.map(line),
    '',
    "Skipped: the target lacks a declared capability, and the case's negative twin (the thing fails in " +
      'the stated way) passed.',
    ...(notes.length > 0 ? ['', ...notes] : []),
    '',
  ].join('\n')
}

/** Returns one line for each group of cases that is skipped as a whole on this target, with the reason. */
function absentGroups({ target, groups, cases }: Report): string[] {
  return GROUPS.filter((group) => isAbsent(groups[group])).map((group) => {
    const reason = cases.find((one) => one.group === group)?.reason ?? ''
    return `- ${target}, all of \`${group}\` (skipped): ${reason}.`
  })
}

function isAbsent(count: GroupCount | undefined): boolean {
  return count !== undefined && count.total > 0 && count.skipped === count.total
}

function caseNotes({ target, groups, cases }: Report): string[] {
  return cases
    .filter(({ group }) => !isAbsent(groups[group]))
    .filter(({ outcome }) => outcome === 'skipped' || outcome === 'expectedFailure')
    .map(
      ({ id, outcome, contract, reason }) =>
        `- ${target}, \`${id}\` (${outcome === 'skipped' ? 'skipped' : 'expected failure'}): ` +
        `${reason}. ${contract}`,
    )
}
