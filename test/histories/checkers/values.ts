import { groupBy, type Operation, precedes, type Verdict, type Violation } from './operation.ts'

/**
 * A call of a plain kv or a blob store on one key. `value` names what was written, unique in a history; a read
 * answers the name of what it found, or `damaged` where the bytes are those of no write.
 */
export type ValueCall =
  | { readonly do: 'get'; readonly key: string }
  | { readonly do: 'put'; readonly key: string; readonly value: string }
  | { readonly do: 'delete'; readonly key: string }

/** What a read found: the name of a value, null for no entry; null for writes. */
export type FoundValue = string | null

export type ValueOperation = Operation<ValueCall, FoundValue>

/** What a store promises of reads. */
export interface Promised {
  /** Seconds for which a read may still return what was replaced. 0 for a store that is strongly consistent. */
  readonly stalenessSeconds: number
  /** If true, a process reads at least its own latest write. */
  readonly readYourWrites: boolean
}

/** The name that a read answers for bytes that nobody wrote. */
export const DAMAGED = 'damaged'

/** Judges reads of whole values: each was written, is whole, and is not staler than promised. */
export function checkValues(operations: readonly ValueOperation[], promised: Promised): Verdict {
  const violations: Violation[] = []
  let reads = 0
  for (const [key, all] of groupBy(operations, ({ call }) => call.key)) {
    const writes = all.filter(({ call }) => call.do !== 'get')
    const writeOf = new Map(
      writes.flatMap((write) => (write.call.do === 'put' ? [[write.call.value, write] as const] : [])),
    )
    for (const read of all) {
      if (read.call.do !== 'get' || read.outcome.is !== 'ok') continue
      reads++
      const { value } = read.outcome
      const problem =
        value === null
          ? staleNull(read, writes, promised)
          : (unwritten(value, writeOf.get(value), read) ??
            stale(writeOf.get(value) as ValueOperation, read, writes, promised))
      if (problem === undefined) continue
      const [kind, what, others] = problem
      violations.push({ kind, what, subject: key, operations: [read.id, ...others] })
    }
  }
  return { violations, undecided: [], counts: { reads } }
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
  if (write.outcome.is !== 'ok') return undefined
  const newer = writes.find((other) => precedes(write, other) && mustBeSeen(other, read, promised))
  if (newer === undefined) return undefined
  return [
    'stale',
    'A read returned a value that had been replaced before, by more than the bound.',
    [write.id, newer.id],
  ]
}

/** Convicts if a write must be seen and nothing can have removed it. */
function staleNull(
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
          other.call.do === 'delete' &&
          other.outcome.is !== 'failed' &&
          !precedes(endOf(other), write) &&
          !precedes(read, other),
      ),
  )
  if (put === undefined) return undefined
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
