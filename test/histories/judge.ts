import type { Operation, Violation } from './checkers/operation.ts'
import type { FaultKind } from './faults/fault.ts'
import type { History } from './record/history.ts'
import { FOREIGN } from './record/recorder.ts'
import { WORKLOADS } from './workloads/index.ts'

/** What is said of a history: that of the workload's checker, and of the run that recorded it. */
export interface Judgement {
  readonly violations: readonly Violation[]
  readonly undecided: readonly string[]
  readonly counts: Readonly<Record<string, number>>
  readonly outcomes: Readonly<Record<'ok' | 'failed' | 'unknown', number>>
  /** Faults that left evidence, by kind. */
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>
}

/**
 * Judges a history. A history that proves nothing is a failure too: one without operations or without any
 * that succeeded, one whose planned faults hit nothing, and one whose run broke off.
 */
export function judge(history: History): Judgement {
  const { plan, operations, faults, problems } = history
  const outcomes = { ok: 0, failed: 0, unknown: 0 }
  for (const { outcome } of operations) outcomes[outcome.is]++
  const violations: Violation[] = []
  const say = (kind: string, what: string, ...shown: Operation<object>[]): void =>
    void violations.push({ kind, what, subject: '', operations: shown.map(({ id }) => id) })
  for (const problem of problems) say('run', problem)
  if (operations.length === 0) say('empty history', 'The history has no operations.')
  else if (outcomes.ok * 2 < operations.length)
    say('too few successes', `Only ${outcomes.ok} of ${operations.length} operations succeeded.`)
  const hit: Partial<Record<FaultKind, number>> = {}
  for (const [index, fault] of plan.faults.entries()) {
    const record = faults[index]
    if (record === undefined || record.evidence === '')
      say('fault without evidence', `The planned fault ${fault.kind} hit nothing.`)
    else hit[fault.kind] = (hit[fault.kind] ?? 0) + 1
  }
  for (const operation of operations) {
    const { outcome } = operation
    if (outcome.is === 'unknown' && outcome.code.startsWith(FOREIGN))
      say('foreign error', `A driver threw an error that is no UnmoorError: ${outcome.code}`, operation)
    // What a driver calls internal is a fault of its own, or of the data that it has stored.
    if (outcome.is === 'failed' && outcome.code === 'Internal')
      say('internal error', 'A driver found its own data, or itself, broken.', operation)
  }
  const verdict = WORKLOADS[plan.workload].judge(operations, plan)
  return {
    violations: [...violations, ...verdict.violations],
    undecided: verdict.undecided,
    counts: verdict.counts,
    outcomes,
    faults: hit,
  }
}

/** The operations that a violation is about, one a line, in the order of their calls. */
export function timeline({ operations }: History, { subject, operations: shown }: Violation): string[] {
  const about = operations.filter(
    ({ id, call }) => shown.includes(id) || (subject !== '' && ownedBy(call, subject)),
  )
  const start = about[0]?.begun ?? 0
  return about.map(({ id, process, call, begun, ended, outcome }) => {
    const until = ended === Infinity ? '...' : `${ended - start}`
    const mark = shown.includes(id) ? '>' : ' '
    return `${mark} ${begun - start}-${until} us ${process} #${id} ${text(call)} -> ${text(outcome)}`
  })
}

function ownedBy(call: object, subject: string): boolean {
  return Object.values(call).includes(subject)
}

/** Long calls are cut: the stored history has them whole. */
function text(value: object): string {
  const json = JSON.stringify(value)
  return json.length > 160 ? `${json.slice(0, 160)}...` : json
}
