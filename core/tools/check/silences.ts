import type { Report } from './finding.ts'
import type { Silence, SourceText } from './source-file.ts'

/**
 * Drops reports that an `unmoor-ignore` comment silences, and adds reports about the silencing comments
 * themselves.
 */
export function applySilences(file: SourceText, reports: readonly Report[]): Report[] {
  const left = reports.filter((report) => {
    const { line } = file.position(report.at)
    const silence = file.silences.find((one) => one.line === line && one.rules.includes(report.rule))
    silence?.used.add(report.rule)
    return silence === undefined
  })
  return [...left, ...file.silences.flatMap(check)]
}

function check({ at, rules, unknown, reason, used }: Silence): Report[] {
  const found: Report[] = []
  if (reason === '')
    found.push({
      rule: 'ignore-reason',
      at,
      length: 2,
      message: 'The comment silences a finding and does not say why.',
    })
  for (const name of unknown)
    found.push({
      rule: 'ignore-unused',
      at,
      length: 2,
      severity: 'warning',
      message: `There is no rule "${name}".`,
    })
  for (const rule of rules)
    if (!used.has(rule))
      found.push({
        rule: 'ignore-unused',
        at,
        length: 2,
        severity: 'warning',
        message: `Nothing on that line breaks ${rule}.`,
      })
  return found
}
