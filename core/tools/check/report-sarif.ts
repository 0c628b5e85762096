import { packageVersion } from '../build/packages.ts'
import type { Finding } from './finding.ts'
import { RULES, type RuleId } from './rules.ts'

/**
 * Formats findings of `unmoor check` as SARIF 2.1.0, which code hosts show beside the lines. Specification:
 * docs.oasis-open.org/sarif/sarif/v2.1.0.
 */
export function toSarif(findings: readonly Finding[]): object {
  const ids = Object.keys(RULES) as RuleId[]
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'unmoor check',
            version: packageVersion,
            rules: ids.map((id) => ({
              id,
              shortDescription: { text: RULES[id].title },
              help: { text: RULES[id].instead },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => ({
          ruleId: finding.rule,
          ruleIndex: ids.indexOf(finding.rule),
          level: finding.severity,
          message: { text: `${finding.message} ${finding.instead} (${finding.targets.join(', ')})` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: {
                  uri: finding.file.split('/').map(encodeURIComponent).join('/'),
                  uriBaseId: '%SRCROOT%',
                },
                region: {
                  startLine: finding.line,
                  startColumn: finding.column,
                  endColumn: finding.column + finding.length,
                },
              },
            },
          ],
        })),
      },
    ],
  }
}
