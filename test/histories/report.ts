import { execFileSync } from 'node:child_process'
import { cpus, release } from 'node:os'
import type { Total } from './campaign.ts'
import { MOST_HISTORIES, type Trial } from './mutants/index.ts'
import type { Options } from './options.ts'

/** What a run came to, as a page in Markdown. */
export function reportPage({
  totals,
  trials,
  skipped,
  options,
}: {
  totals: readonly Total[]
  trials: readonly Trial[]
  skipped: readonly string[]
  options: Options
}): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  const row = (...cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  const lines = [
    '# Reliability',
    '',
    'Written by `npm run histories -- --report core/tools/conformance/RELIABILITY.md`;',
    '[test/histories](../../../test/histories/README.md) says what is run and how it is judged.',
    '',
    `Commit ${commit}, Node ${process.versions.node}, Linux ${release()}, ${cpus().length} cores, seeds from ${options.seed} on.`,
    '',
    '## Histories',
    '',
    row(
      'driver',
      'backend',
      'workload',
      'histories',
      'ok',
      'failed',
      'unknown',
      'undecided',
      'violations',
      'faults',
      'counts',
    ),
    row(...Array.from({ length: 11 }, () => '---')),
    ...totals.map((total) =>
      row(
        total.driver,
        total.version,
        total.workload,
        total.histories,
        total.outcomes.ok,
        total.outcomes.failed,
        total.outcomes.unknown,
        total.undecided,
        total.violations,
        listed(total.faults),
        listed(total.counts),
      ),
    ),
    ...(skipped.length === 0 ? [] : ['', ...skipped.map((one) => `- Skipped, ${one}`)]),
    '',
    '## Planted bugs',
    '',
    `Each is planted in a copy of the package, and must be convicted by name within ${MOST_HISTORIES} histories. Those of`,
    'checkers are planted in a copy of the checkers, and a known history must show them. A weak one may live.',
    `${trials.filter(({ convictedIn }) => convictedIn !== undefined).length} of ${trials.length} were convicted.`,
    '',
    row('bug', 'convicted in history', 'as'),
    row('---', '---', '---'),
    ...trials.map(({ mutant, isWeak, convictedIn, by }) =>
      row(isWeak ? `${mutant} (weak)` : mutant, convictedIn ?? 'none', by ?? ''),
    ),
    '',
    '## Known limits',
    '',
    '- Faults are those of processes and of the way to a server. Power cuts, full disks, failing disks and wrong',
    '  clocks are not part of these histories.',
    '- A history proves what it shows. A promise that no fault touched may still be broken.',
    '- The search for an order of a strong kv looks at each key alone, and never at lists and expirations, which the',
    '  histories of the plain kv have.',
    '- The times of crons are those of the plan: the schedule and what is early are not looked at.',
    '',
  ]
  return lines.join('\n')
}

function listed(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}
