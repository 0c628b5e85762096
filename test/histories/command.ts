import { writeFileSync } from 'node:fs'
import { campaign, type Total, TRIES } from './campaign.ts'
import { judge, timeline } from './judge.ts'
import { CHECKERS, tryChecker } from './mutants/checkers.ts'
import { DIST, MUTANTS, type Trial, tryMutants } from './mutants/index.ts'
import { type Options, readOptions } from './options.ts'
import { DRIVERS } from './plan.ts'
import { loadHistory } from './record/history.ts'
import { reportPage } from './report.ts'
import { runHistory } from './run-history.ts'
import { startBackend } from './backends.ts'
import { MissingServer } from './servers.ts'

/** Share of histories with a key whose check was given up, above which a run fails. */
const MOST_UNDECIDED = 0.01

/** Runs `npm run histories` with flags and no subcommand. Resolves to the exit code. */
export async function historiesCommand(args: readonly string[]): Promise<number> {
  const options = readOptions(args)
  const say = (line: string): void =>
    void process.stderr.write(options.json ? `${JSON.stringify({ line })}\n` : `${line}\n`)
  if (options.replay !== undefined) return replay(options.replay, say)
  const totals: Total[] = []
  const trials: Trial[] = []
  const skipped: string[] = []
  const problems: string[] = []
  const drivers = options.drivers.filter((driver) => workloadsOf(driver, options).length > 0)
  const page = (): void => {
    if (options.report !== undefined)
      writeFileSync(options.report, reportPage({ totals, trials, skipped, options }))
  }
  if (options.mutants !== 'no' && options.drivers.length === Object.keys(DRIVERS).length)
    trials.push(...(await tryCheckers(say)))
  for (const driver of drivers) {
    try {
      if (options.mutants !== 'only')
        totals.push(
          ...(await campaign(driver, workloadsOf(driver, options), {
            ...options,
            dist: DIST,
            minutes: options.minutes / drivers.length,
            say,
          })),
        )
      if (options.mutants !== 'no') trials.push(...(await tryAll(driver, options, say)))
    } catch (error) {
      if (!(error instanceof MissingServer)) throw error
      skipped.push(`${driver}: ${error.message}`)
      say(`${driver}: SKIPPED, ${error.message}`)
    }
    // A run of an hour that is broken off has told what it did.
    page()
  }
  problems.push(...problemsOf(totals, trials, options))
  for (const problem of problems) say(`FAILED: ${problem}`)
  console.log(JSON.stringify(lastLine(totals, trials)))
  return problems.length === 0 ? 0 : 1
}

function workloadsOf(driver: string, { workloads }: Options): (typeof workloads)[number][] {
  return (DRIVERS[driver] ?? []).filter((workload) => workloads.includes(workload))
}

function tryAll(driver: string, options: Options, say: (line: string) => void): Promise<Trial[]> {
  const own = MUTANTS.filter((one) => one.driver === driver && options.workloads.includes(one.workload))
  return own.length === 0 ? Promise.resolve([]) : tryMutants(driver, own, options.seed, say)
}

/** Tries the planted bugs of the checkers on their known histories. */
async function tryCheckers(say: (line: string) => void): Promise<Trial[]> {
  const trials: Trial[] = []
  for (const mutant of CHECKERS) {
    const [by] = await tryChecker(mutant)
    const convictedIn = by === undefined ? undefined : 1
    trials.push({ mutant: mutant.is, isWeak: false, convictedIn, histories: 1, by })
    say(by === undefined ? `mutant ALIVE: ${mutant.is}` : `mutant convicted by ${by}: ${mutant.is}`)
  }
  return trials
}

function problemsOf(totals: readonly Total[], trials: readonly Trial[], options: Options): string[] {
  const { histories, violations, undecided, unknown, faults } = lastLine(totals, trials)
  const problems: string[] = []
  if (histories + trials.length === 0) problems.push('nothing was run')
  if (violations > 0) problems.push(`${violations} violations`)
  if (undecided > histories * MOST_UNDECIDED)
    problems.push(`${undecided} of ${histories} histories are undecided`)
  // An answer that the server gave and the client never got is an unknown outcome.
  if ((faults['lost-answer'] ?? 0) > 2 && unknown === 0)
    problems.push('answers were lost, and no outcome is unknown')
  const none = options.faults?.length === 0
  if (histories > 0 && !none && Object.keys(faults).length === 0) problems.push('no fault was done')
  for (const { mutant, isWeak, convictedIn } of trials)
    if (convictedIn === undefined && !isWeak) problems.push(`mutant alive: ${mutant}`)
  return problems
}

/** The last line of the output. */
function lastLine(
  totals: readonly Total[],
  trials: readonly Trial[],
): {
  histories: number
  operations: number
  unknown: number
  undecided: number
  violations: number
  faults: Record<string, number>
  mutants: { planted: number; convicted: number }
} {
  const sum = (of: (total: Total) => number): number => totals.reduce((all, total) => all + of(total), 0)
  const faults: Record<string, number> = {}
  for (const total of totals)
    for (const [kind, count] of Object.entries(total.faults)) faults[kind] = (faults[kind] ?? 0) + count
  return {
    histories: sum(({ histories }) => histories),
    operations: sum(({ operations }) => operations),
    unknown: sum(({ outcomes }) => outcomes.unknown),
    undecided: sum(({ undecided }) => undecided),
    violations: sum(({ violations }) => violations),
    faults,
    mutants: {
      planted: trials.length,
      convicted: trials.filter(({ convictedIn }) => convictedIn !== undefined).length,
    },
  }
}

/** Checks a stored history again, which is exact, and runs its plan, whose interleaving is new. */
async function replay(path: string, say: (line: string) => void): Promise<number> {
  const stored = loadHistory(path)
  const first = judge(stored)
  say(`stored history: ${first.violations.length} violations, ${first.undecided.length} keys undecided`)
  for (const violation of first.violations) {
    say(`${violation.kind}${violation.subject === '' ? '' : ` (${violation.subject})`}: ${violation.what}`)
    for (const line of timeline(stored, violation).slice(0, 60)) say(`  ${line}`)
  }
  await using backend = await startBackend(stored.plan.driver)
  let failed = 0
  for (let tries = 0; tries < TRIES; tries++) {
    const { violations } = judge(await runHistory(stored.plan, backend, DIST))
    if (violations.length > 0) failed++
    say(
      `run ${tries + 1} of its plan: ${[...new Set(violations.map(({ kind }) => kind))].join(', ') || 'right'}`,
    )
  }
  console.log(
    JSON.stringify({
      violations: first.violations.length,
      undecided: first.undecided.length,
      runs: TRIES,
      failed,
    }),
  )
  return first.violations.length + failed === 0 ? 0 : 1
}
