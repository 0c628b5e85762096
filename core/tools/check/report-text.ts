import type { CheckResult } from './check.ts'
import type { Finding } from './finding.ts'

/**
 * Formats a finding of `unmoor check` for people: place, rule, reason, a code frame and what to write
 * instead.
 */
export function formatFinding(finding: Finding, result: CheckResult): string {
  const { rule, severity, file, line, column, length, message, instead, targets, chain } = finding
  const on = targets.length === result.targets.length ? '' : ` [${targets.join(', ')}]`
  const lines = [`${file}:${line}:${column} ${severity} ${rule}${on}`, `  ${message}`]
  const text = result.source(file)?.line(line) ?? ''
  if (text.trim() !== '') {
    // A long source line, as in a minified dependency, is cut around the finding.
    const from = text.length > 160 ? Math.max(0, column - 60) : 0
    const shown = text.slice(from, from + 160).replaceAll('\t', ' ')
    const number = String(line)
    lines.push(
      `  ${number} | ${shown}`,
      `  ${' '.repeat(number.length)} | ${' '.repeat(column - 1 - from)}${'^'.repeat(Math.min(length, 160))}`,
    )
  }
  if (chain !== undefined) lines.push(`  reached by: ${chain.join(' -> ')}`)
  lines.push(`  instead: ${instead}`)
  return lines.join('\n')
}

/** Formats the last line of `unmoor check`'s report: counts of errors, warnings and files. */
export function formatSummary({ findings, files, targets }: CheckResult): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length
  const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`
  const found = `${count(errors, 'error')}, ${count(findings.length - errors, 'warning')}`
  return `${found} in ${count(files, 'file')}, for ${targets.join(', ')}`
}
