import { groupBy, type Operation, precedes, type Verdict, type Violation } from './operation.ts'

/** A call of a replica on the claims of one time of a cron. `run` is the handler at work. */
export type CronCall =
  | { readonly do: 'claim'; readonly tick: string; readonly lease: string; readonly leaseSeconds: number }
  | { readonly do: 'extend'; readonly tick: string; readonly lease: string; readonly leaseSeconds: number }
  | { readonly do: 'finish'; readonly tick: string }
  | { readonly do: 'run'; readonly tick: string; readonly lease: string; readonly early: boolean }

/** `claim` answers its state and attempt, `extend` a boolean, the others null. */
export type CronValue =
  | { readonly state: 'claimed' | 'taken' | 'done'; readonly attempt?: number }
  | boolean
  | null

export type CronOperation = Operation<CronCall, CronValue>

/** Judges crons: `ticks` are the times of the calendar that had to run. */
export function checkCrons(
  operations: readonly CronOperation[],
  { ticks, clockError }: { readonly ticks: readonly string[]; readonly clockError: number },
): Verdict {
  const violations: Violation[] = []
  const counts = { runs: 0, repeatedRuns: 0 }
  const byTick = groupBy(operations, ({ call }) => call.tick)
  for (const tick of new Set([...ticks, ...byTick.keys()])) {
    const all = byTick.get(tick) ?? []
    const say = (kind: string, what: string, ...shown: CronOperation[]): void =>
      void violations.push({ kind, what, subject: tick, operations: shown.map(({ id }) => id) })
    const runs = all.filter(({ call }) => call.do === 'run')
    const whole = runs.filter(({ outcome }) => outcome.is === 'ok')
    counts.runs += runs.length
    counts.repeatedRuns += Math.max(0, runs.length - 1)
    if (!ticks.includes(tick)) say('invented', 'A time ran that is not in the calendar.', ...runs)
    else if (whole.length === 0) say('skipped', 'A time of the calendar never ran to its end.', ...runs)
    for (const run of runs)
      if (run.call.do === 'run' && run.call.early) say('early', 'A time ran before it was due.', run)
    judgeClaims(all, runs, clockError, say)
  }
  return { violations, undecided: [], counts }
}

type Say = (kind: string, what: string, ...shown: CronOperation[]) => void

function judgeClaims(
  all: readonly CronOperation[],
  runs: readonly CronOperation[],
  clockError: number,
  say: Say,
): void {
  const claims = all.filter(({ outcome }) => outcome.is === 'ok' && isClaimed(outcome.value))
  const finishes = all.filter(({ call, outcome }) => call.do === 'finish' && outcome.is === 'ok')
  const done = finishes.toSorted((a, b) => a.ended - b.ended)[0]
  for (const finish of finishes) {
    const ran = runs.some((run) => run.outcome.is === 'ok' && run.ended <= finish.ended)
    if (!ran) say('done without a run', 'A time was marked as done that no handler had ended.', finish)
  }
  if (done !== undefined)
    for (const claim of claims)
      if (precedes(done, claim))
        say('claimed after done', 'A time that was done was claimed again.', done, claim)
  const attempts = new Map<number, CronOperation>()
  for (const claim of claims) {
    const { attempt = 0 } = (claim.outcome.is === 'ok' ? claim.outcome.value : {}) as { attempt?: number }
    const other = attempts.get(attempt)
    if (other !== undefined && leaseOf(other) !== leaseOf(claim))
      say('two claims', `Two replicas have attempt ${attempt} of one time.`, other, claim)
    attempts.set(attempt, claim)
  }
  for (const claim of claims)
    for (const other of claims)
      if (
        leaseOf(claim) !== leaseOf(other) &&
        other.begun > claim.begun &&
        held(claim, other, all, clockError)
      )
        say('overlap', 'A time was claimed while another replica held its lease.', claim, other)
}

function isClaimed(value: CronValue): boolean {
  return value !== null && typeof value === 'object' && value.state === 'claimed'
}

function leaseOf({ call }: CronOperation): string | undefined {
  return 'lease' in call ? call.lease : undefined
}

/** True if the lease of `claim` held for certain when `other` was answered, and its holder had not freed it. */
function held(
  claim: CronOperation,
  other: CronOperation,
  all: readonly CronOperation[],
  clockError: number,
): boolean {
  const own = all.filter(
    ({ call, begun, outcome }) =>
      leaseOf({ call } as CronOperation) === leaseOf(claim) &&
      begun <= other.ended &&
      outcome.is !== 'failed',
  )
  if (own.some(({ call }) => call.do === 'extend' && call.leaseSeconds === 0)) return false
  let until = claim.begun
  for (const operation of own.toSorted((a, b) => a.begun - b.begun)) {
    const { call, begun, ended, outcome } = operation
    if (call.do !== 'claim' && call.do !== 'extend') continue
    if (operation !== claim && (outcome.is !== 'ok' || outcome.value === false || ended >= until)) continue
    until = Math.max(until, begun + call.leaseSeconds * 1e6)
  }
  // Both intervals hold the moment of their claim; only an answer before the end of the lease convicts.
  return precedes(claim, other) && other.ended + clockError < until
}
