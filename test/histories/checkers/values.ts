import { groupBy, type Operation, precedes, type Verdict, type Violation } from './operation.ts'

/**
 * A call of a plain kv or a blob store on one key; a list is on all keys, and its `key` is empty. `value` names
 * what was written, unique in a history; a read answers the name of what it found, or `damaged` where the
 * bytes are those of no write. `expiresAt` is the moment from which an entry is gone, if it has one.
 */
export type ValueCall =
  | { readonly do: 'get'; readonly key: string }
  | { readonly do: 'list'; readonly key: '' }
  | { readonly do: 'put'; readonly key: string; readonly value: string; readonly expiresAt?: number }
  | { readonly do: 'delete'; readonly key: string }

/** What a read found: the name of a value, null for no entry; the keys of a list; null for writes. */
export type FoundValue = string | null | readonly string[]

export type ValueOperation = Operation<ValueCall, FoundValue>

/** What a store promises of reads. */
export interface Promised {
  /** Seconds for which a read may still return what was replaced. 0 for a store that is strongly consistent. */
  readonly stalenessSeconds: number
  /** If true, a process reads at least its own latest write. */
  readonly readYourWrites: boolean
  /** Microseconds by which an entry may expire before or after its moment. */
  readonly clockError: number
}

/** The name that a read answers for bytes that nobody wrote. */
export const DAMAGED = 'damaged'

/**
 * Judges reads of whole values: each was written, is whole, and is not staler than promised. An entry that
 * expires is there until then, and not afterwards. A list has the keys of what is there, each at some moment
 * of the list.
 */
export function checkValues(operations: readonly ValueOperation[], promised: Promised): Verdict {
  const violations: Violation[] = []
  const counts = { reads: 0, lists: 0, expired: 0 }
  const lists = operations.filter(({ call, outcome }) => call.do === 'list' && outcome.is === 'ok')
  counts.lists = lists.length
  const byKey = groupBy(
    operations.filter(({ call }) => call.do !== 'list'),
    ({ call }) => call.key,
  )
  for (const [key, all] of byKey) {
    const say = (read: ValueOperation, problem: Problem | undefined): void => {
      if (problem === undefined) return
      const [kind, what, others] = problem
      violations.push({ kind, what, subject: key, operations: [read.id, ...others] })
    }
    const writes = all.filter(({ call }) => call.do !== 'get')
    const writeOf = new Map(
      writes.flatMap((write) => (write.call.do === 'put' ? [[write.call.value, write] as const] : [])),
    )
    for (const read of all) {
      if (read.call.do !== 'get' || read.outcome.is !== 'ok') continue
      counts.reads++
      const value = read.outcome.value as string | null
      if (value === null) {
        const problem = absent(read, writes, promised)
        if (problem === undefined && writes.some((write) => isExpired(write, read, promised)))
          counts.expired++
        say(read, problem)
      } else {
        const write = writeOf.get(value)
        say(read, unwritten(value, write, read) ?? stale(write as ValueOperation, read, writes, promised))
      }
    }
    for (const list of lists) say(list, judgeList(key, list, writes, promised))
  }
  const unknown = lists.filter(({ outcome }) => namesOf(outcome).some((name) => !byKey.has(name)))
  for (const { id } of unknown)
    violations.push({
      kind: 'invented',
      what: 'A list has a key that nobody wrote.',
      subject: '',
      operations: [id],
    })
  return { violations, undecided: [], counts }
}

function namesOf(outcome: ValueOperation['outcome']): readonly string[] {
  return outcome.is === 'ok' ? (outcome.value as readonly string[]) : []
}

function judgeList(
  key: string,
  list: ValueOperation,
  writes: readonly ValueOperation[],
  promised: Promised,
): Problem | undefined {
  if (!namesOf(list.outcome).includes(key)) {
    const problem = absent(list, writes, promised)
    return problem && ['missing in a list', 'A list lacks a key that was there.', problem[2]]
  }
  // An entry is gone for certain once each write that may be in force was replaced, removed or has expired.
  const mayBeThere = writes.some(
    (put) =>
      put.call.do === 'put' &&
      put.outcome.is !== 'failed' &&
      !precedes(list, put) &&
      !isExpired(put, list, promised) &&
      !writes.some((other) => precedes(endOf(put), other) && mustBeSeen(other, list, promised)),
  )
  if (mayBeThere) return undefined
  return ['listed though gone', 'A list has a key that was removed or expired before.', []]
}

/** True if an entry's moment was over when the read began, by more than the bound. */
function isExpired({ call }: ValueOperation, read: ValueOperation, promised: Promised): boolean {
  const at = call.do === 'put' ? call.expiresAt : undefined
  return at !== undefined && at + promised.clockError + promised.stalenessSeconds * 1e6 < read.begun
}

/** True if an entry may have been gone at some moment of the read. */
function mayBeExpired({ call }: ValueOperation, read: ValueOperation, { clockError }: Promised): boolean {
  const at = call.do === 'put' ? call.expiresAt : undefined
  return at !== undefined && at - clockError <= read.ended
}

type Problem = [kind: string, what: string, operations: number[]]

function unwritten(
  value: string,
  write: ValueOperation | undefined,
  read: ValueOperation,
): Problem | undefined {
  if (value === DAMAGED) return ['damaged', 'A read returned bytes that are no written value as a whole.', []]
  if (write === undefined) return ['invented', `A read returned ${value}, which nobody wrote.`, []]
  if (write.outcome.is === 'failed')
    return ['failed write applied', `A read returned ${value}, whose write promised no effect.`, [write.id]]
  if (precedes(read, write))
    return ['invented', `A read returned ${value} before its write was called.`, [write.id]]
  return undefined
}

/** Convicts if a later write, for certain after the value's own, was answered before the read by the bound. */
function stale(
  write: ValueOperation,
  read: ValueOperation,
  writes: readonly ValueOperation[],
  promised: Promised,
): Problem | undefined {
  if (isExpired(write, read, promised))
    return [
      'served expired',
      'A read returned a value after its expiration, by more than the bound.',
      [write.id],
    ]
  if (write.outcome.is !== 'ok') return undefined
  const newer = writes.find((other) => precedes(write, other) && mustBeSeen(other, read, promised))
  if (newer === undefined) return undefined
  return [
    'stale',
    'A read returned a value that had been replaced before, by more than the bound.',
    [write.id, newer.id],
  ]
}

/** Convicts if a write must be seen, and neither a delete nor an expiration can have ended it. */
function absent(
  read: ValueOperation,
  writes: readonly ValueOperation[],
  promised: Promised,
): Problem | undefined {
  const put = writes.find(
    (write) =>
      write.call.do === 'put' &&
      mustBeSeen(write, read, promised) &&
      !writes.some(
        (other) =>
          (other.call.do === 'delete' || mayBeExpired(other, read, promised)) &&
          other.outcome.is !== 'failed' &&
          !precedes(endOf(other), write) &&
          !precedes(read, other),
      ),
  )
  if (put === undefined) return undefined
  if (put.call.do === 'put' && put.call.expiresAt !== undefined)
    return ['gone early', 'A read found no entry before its expiration, and nothing removed it.', [put.id]]
  return ['stale', 'A read found no entry after a write was answered, and nothing removed it.', [put.id]]
}

function endOf({ ended, outcome }: ValueOperation): { ended: number } {
  return { ended: outcome.is === 'unknown' ? Infinity : ended }
}

function mustBeSeen(write: ValueOperation, read: ValueOperation, promised: Promised): boolean {
  if (write.outcome.is !== 'ok') return false
  const own = promised.readYourWrites && write.process === read.process
  return write.ended + (own ? 0 : promised.stalenessSeconds * 1e6) < read.begun
}
