import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startBackend } from './backends.ts'
import type { FaultKind } from './faults/fault.ts'
import { judge, type Judgement, timeline } from './judge.ts'
import type { Plan } from './plan-data.ts'
import { createPlan, faultsOf } from './plan.ts'
import { type History, storeHistory } from './record/history.ts'
import { runHistory } from './run-history.ts'
import { shrinkPlan } from './shrink.ts'
import type { WorkloadName } from './plan-data.ts'

/** Runs of a candidate before a smaller plan counts as one that does not fail. */
export const TRIES = 5
/** Seconds that one shrinking takes at most. */
const SHRINK_SECONDS = 120

/** What histories of one driver and workload came to. */
export interface Total {
  readonly driver: string
  readonly workload: WorkloadName
  version: string
  firstSeed: number
  histories: number
  operations: number
  readonly outcomes: Record<'ok' | 'failed' | 'unknown', number>
  /** Histories with a key whose check was given up. */
  undecided: number
  violations: number
  readonly faults: Partial<Record<FaultKind, number>>
  readonly counts: Record<string, number>
}

/** What a campaign is asked for. */
export interface CampaignOptions {
  readonly dist: string
  readonly seed: number
  readonly minutes: number
  /** Kinds of faults; undefined means all that a driver can have. */
  readonly faults: readonly FaultKind[] | undefined
  /** Folder that failing histories are stored in. */
  readonly folder: string
  readonly say: (line: string) => void
}

/** Runs histories of one driver until its time is over, at least one of each workload. */
export async function campaign(
  driver: string,
  workloads: readonly WorkloadName[],
  options: CampaignOptions,
): Promise<Total[]> {
  const { say, dist, seed, minutes } = options
  const kinds = faultsOf(driver).filter((kind) => options.faults?.includes(kind) ?? true)
  await using backend = await startBackend(driver)
  const totals = workloads.map((workload) => emptyTotal(driver, workload, backend.version, seed))
  const until = performance.now() + minutes * 60_000
  for (let round = 0; round === 0 || performance.now() < until; round++) {
    for (const total of totals) {
      if (round > 0 && performance.now() >= until) break
      const plan = createPlan({
        seed: seed + round,
        driver,
        workload: total.workload,
        // Every third history has one process, so that what needs two is told apart.
        processes: round % 3 === 2 ? 1 : 3,
        faults: kinds,
      })
      const run = (one: Plan): Promise<History> => runHistory(one, backend, dist)
      const history = await run(plan)
      const judgement = judge(history)
      add(total, history, judgement)
      say(oneLine(history, judgement))
      if (judgement.violations.length > 0) await explain(history, judgement, run, options)
    }
  }
  return totals
}

function emptyTotal(driver: string, workload: WorkloadName, version: string, firstSeed: number): Total {
  return {
    driver,
    workload,
    version,
    firstSeed,
    histories: 0,
    operations: 0,
    outcomes: { ok: 0, failed: 0, unknown: 0 },
    undecided: 0,
    violations: 0,
    faults: {},
    counts: {},
  }
}

function add(total: Total, { operations }: History, judgement: Judgement): void {
  total.histories++
  total.operations += operations.length
  for (const is of ['ok', 'failed', 'unknown'] as const) total.outcomes[is] += judgement.outcomes[is]
  if (judgement.undecided.length > 0) total.undecided++
  total.violations += judgement.violations.length
  for (const [kind, count] of Object.entries(judgement.faults))
    total.faults[kind as FaultKind] = (total.faults[kind as FaultKind] ?? 0) + count
  for (const [name, count] of Object.entries(judgement.counts))
    total.counts[name] = (total.counts[name] ?? 0) + count
}

function oneLine({ plan, faults }: History, { violations, undecided, outcomes }: Judgement): string {
  const { ok, failed, unknown } = outcomes
  const verdict =
    violations.length > 0
      ? `${violations.length} violations (${[...new Set(violations.map(({ kind }) => kind))].join(', ')})`
      : undecided.length > 0
        ? `undecided (${undecided.length} keys)`
        : 'right'
  const hit = faults.map(({ fault }) => fault.kind).join(', ')
  return (
    `${plan.driver} ${plan.workload} seed ${plan.seed}, ${plan.processes} processes: ${verdict}; ` +
    `${ok} ok, ${failed} failed, ${unknown} unknown; faults: ${hit === '' ? 'none' : hit}`
  )
}

/** Stores a failing history, tells its shortest violation, and looks for a smaller plan that fails alike. */
async function explain(
  history: History,
  { violations }: Judgement,
  run: (plan: Plan) => Promise<History>,
  { folder, say }: CampaignOptions,
): Promise<void> {
  const { driver, workload, seed } = history.plan
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${driver}-${workload}-${seed}.jsonl`)
  storeHistory(path, history)
  say(`  stored in ${path}: --replay checks it again`)
  for (const line of shortest(history, violations)) say(`  ${line}`)
  const kinds = new Set(violations.map(({ kind }) => kind))
  const until = performance.now() + SHRINK_SECONDS * 1000
  let best: History | undefined
  const fails = async (plan: Plan): Promise<boolean> => {
    for (let tries = 0; tries < TRIES && performance.now() < until; tries++) {
      const again = await run(plan)
      if (!judge(again).violations.some(({ kind }) => kinds.has(kind))) continue
      best = again
      return true
    }
    return false
  }
  const plan = await shrinkPlan(history.plan, fails)
  if (best === undefined)
    return say(`  no smaller plan failed alike in ${TRIES} tries each and ${SHRINK_SECONDS} s`)
  const steps = plan.clients.reduce((sum, client) => sum + client.steps.length, 0)
  const small = join(folder, `${driver}-${workload}-${seed}-small.jsonl`)
  storeHistory(small, best)
  say(`  smaller: ${plan.faults.length} faults, ${steps} steps, stored in ${small}`)
  for (const line of shortest(best, judge(best).violations)) say(`  ${line}`)
}

/** The violation with the shortest timeline. */
function shortest(history: History, violations: Judgement['violations']): string[] {
  const all = violations.map((violation) => ({ violation, lines: timeline(history, violation) }))
  all.sort((a, b) => a.lines.length - b.lines.length)
  const [first] = all.filter(({ lines }) => lines.length > 0).concat(all)
  if (first === undefined) return []
  const { kind, subject, what } = first.violation
  return [`${kind}${subject === '' ? '' : ` (${subject})`}: ${what}`, ...first.lines.slice(0, 60)]
}
