import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import {
  CASES,
  type ConformanceOptions,
  matrixText,
  reportText,
  runConformance,
} from '../../core/tools/conformance/index.ts'
import { WHOLE_SUITE } from '../patience.ts'

const MATRIX = join(dirname(fileURLToPath(import.meta.url)), '../../core/tools/conformance/MATRIX.md')

/** Case group to cell, of one target's column of a matrix. */
function column(text: string, target: string): Record<string, string> {
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(2, -2).split(' | '))
  const index = rows[0]?.indexOf(target) ?? -1
  return Object.fromEntries(rows.slice(2).map((cells) => [cells[0] ?? '', cells[index] ?? '']))
}

/** The whole suite on one target, on its real runtime; the checked-in matrix must show what it found. */
export function testConformance(target: string, options: Omit<ConformanceOptions, 'target'> = {}): void {
  it(`passes the conformance suite on ${target}`, WHOLE_SUITE, async () => {
    const lines: string[] = []
    const add = (line: string): void => void lines.push(line)
    const report = await runConformance({ ...options, target, log: { info: add, warn: add } })
    // The whole text and what the runtime printed, so that a failure names its cases and shows their cause.
    const printed = lines.slice(-200).join('\n')
    expect(report.failed === 0 ? '' : `${reportText(report)}\n${printed}`).toBe('')
    expect(report.total).toBe(CASES.length)
    expect(report.passed + report.skipped + report.expectedFailures).toBe(report.total)
    // Targets without sockets skip their whole group; each case has its negative twin.
    const absent = report.groups['sockets']
    const lacking = absent?.skipped === absent?.total ? (absent?.total ?? 0) : 0
    expect(report.skipped - lacking).toBeLessThanOrEqual(report.total / 10)
    expect(report.expectedFailures).toBeLessThanOrEqual(10)
    expect(report.runtime).not.toBe('none')
    expect(column(readFileSync(MATRIX, 'utf8'), target)).toEqual(column(matrixText([report]), target))
  })
}
