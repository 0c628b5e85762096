/**
 * Findings of `unmoor check` in installed packages: silencing by the config, and merging per package and
 * rule.
 */
import type { AnyConfig } from '../../config.ts'
import type { Finding } from './finding.ts'
import type { RuleId } from './rules.ts'

const PACKAGE = /.*(?:^|[\\/])node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/

/** Returns the name of the installed package that a file belongs to; undefined for a file of the app. */
function packageOf(path: string): string | undefined {
  return PACKAGE.exec(path)?.[1]?.replace('\\', '/')
}

/**
 * Returns a test of a file and a rule of `unmoor check`: true if the config silences the rule for the file's
 * package.
 */
export function packageSilences(check: AnyConfig['check']): (path: string, rule: RuleId) => boolean {
  const packages = check?.packages ?? {}
  return (path, rule) => {
    const name = packageOf(path)
    return name !== undefined && packages[name]?.[rule] !== undefined
  }
}

/**
 * Merges the findings of one rule in one package into one, at the first place, since an app's author can only
 * treat them alike. Errors and warnings are merged separately; the merged finding names the targets of all.
 */
export function sumUp(findings: readonly Finding[]): Finding[] {
  const groups = new Map<string, Finding[]>()
  for (const finding of findings) {
    const name = packageOf(finding.file)
    const place = name ?? `${finding.file}:${finding.line}:${finding.column} ${finding.message}`
    const key = `${finding.rule} ${finding.severity} ${place}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [finding])
    else group.push(finding)
  }
  return [...groups.values()].map((group) => {
    const [first, ...rest] = group as [Finding, ...Finding[]]
    return rest.length === 0 ? first : joined(first, group)
  })
}

/** Number of messages that a merged finding of a package quotes; the others are counted. */
const NAMED = 3

function joined(first: Finding, group: readonly Finding[]): Finding {
  const files = new Set(group.map(({ file }) => file)).size
  const messages = [...new Set(group.map(({ message }) => message))]
  const more = messages.length > NAMED ? [`${messages.length - NAMED} more`] : []
  return {
    ...first,
    message:
      `${[...messages.slice(0, NAMED), ...more].join(' ')} (${group.length} places in ${files} ` +
      `${files === 1 ? 'module' : 'modules'} of ${packageOf(first.file)})`,
    targets: [...new Set(group.flatMap(({ targets }) => targets))],
  }
}
