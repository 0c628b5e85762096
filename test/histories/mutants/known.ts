/** Short histories with known verdicts, each of which a checker with a planted bug gets wrong. */
import type { CronOperation } from '../checkers/crons.ts'
import type { Operation, Outcome } from '../checkers/operation.ts'
import type { QueueOperation } from '../checkers/queue-record.ts'
import type { ListOperation } from '../checkers/sql-lists.ts'
import type { StrongKvOperation } from '../checkers/strong-kv.ts'
import type { ValueOperation } from '../checkers/values.ts'

/** A history by the checker that judges it, and the kinds of its violations. */
export interface Known {
  readonly checker: 'strong-kv' | 'values' | 'queue' | 'crons' | 'sql-lists'
  readonly operations: readonly Operation<object>[]
  readonly kinds: readonly string[]
  /** True if the search is given one state only, so that its verdict is undecided. */
  readonly undecided?: boolean
}

let ids = 0
function op<Call extends object, Value>(
  begun: number,
  ended: number,
  call: Call,
  value: Value | Outcome<Value>,
): Operation<Call, Value> {
  const outcome =
    value !== null && typeof value === 'object' && 'is' in value ? value : ({ is: 'ok', value } as const)
  return { id: ++ids, process: `p${ids}`, call, begun, ended, outcome }
}
const UNKNOWN = { is: 'unknown', code: 'Unavailable' } as const
const FAILED = { is: 'failed', code: 'Unavailable' } as const

const key = 'k'
const kvPut = (
  begun: number,
  value: string,
  outcome: Outcome<null> = { is: 'ok', value: null },
): StrongKvOperation =>
  op(begun, outcome.is === 'unknown' ? Infinity : begun + 1, { do: 'put', key, value } as const, outcome)
const kvGet = (begun: number, value: string | null): StrongKvOperation =>
  op(begun, begun + 1, { do: 'get', key } as const, value)

const put = (
  begun: number,
  value: string,
  outcome: Outcome<null> = { is: 'ok', value: null },
): ValueOperation => op(begun, begun + 1, { do: 'put', key, value } as const, outcome)
const expiring = (begun: number, value: string, expiresAt: number): ValueOperation =>
  op(begun, begun + 1, { do: 'put', key, value, expiresAt } as const, null)
const get = (begun: number, value: string | null): ValueOperation =>
  op(begun, begun + 1, { do: 'get', key } as const, value)
const list = (begun: number, keys: readonly string[]): ValueOperation =>
  op(begun, begun + 1, { do: 'list', key: '' } as const, keys)

const S = 1e6
const send = (begun: number, delaySeconds = 0): QueueOperation =>
  op(begun, begun + 1, { do: 'send', messages: [{ id: 'm', hash: 'h', delaySeconds }] } as const, {})
const receive = (
  begun: number,
  attempts: number,
  hash = 'h',
  from: 'queue' | 'dead' = 'queue',
): QueueOperation =>
  op(begun, begun + 1, { do: 'receive', from, leaseSeconds: 1 } as const, {
    deliveries: [{ id: 'm', hash, attempts, lease: `${from}${attempts}` }],
  })
const settle = (begun: number, lease: string, retry: number | null): QueueOperation =>
  op(begun, begun + 1, { do: 'settle', from: 'queue', settlements: [{ lease, retry }] } as const, {})

const claim = (begun: number, lease: string, attempt: number): CronOperation =>
  op(begun, begun + 1, { do: 'claim', tick: 't', lease, leaseSeconds: 1 } as const, {
    state: 'claimed',
    attempt,
  })
const run = (begun: number): CronOperation =>
  op(begun, begun + 1, { do: 'run', tick: 't', lease: '', early: false } as const, null)
const finish = (begun: number): CronOperation =>
  op(begun, begun + 1, { do: 'finish', tick: 't' } as const, null)

const append = (begun: number, value: number, on = 'l'): ListOperation => {
  const steps = [{ do: 'append', key: on, value }] as const
  return op(begun, begun + 1, { steps, serializable: true }, steps)
}
const read = (begun: number, seen: readonly number[], on = 'l'): ListOperation =>
  op(begun, begun + 1, { steps: [{ do: 'read', key: on }], serializable: true } as const, [
    { do: 'read', key: on, list: seen },
  ])

/** The known histories by name. */
export const KNOWN: Readonly<Record<string, Known>> = {
  'a stale last read': {
    checker: 'strong-kv',
    operations: [kvPut(0, 'a'), kvPut(2, 'b'), kvGet(4, 'a')],
    kinds: ['not linearizable'],
  },
  'an unknown write that is seen': {
    checker: 'strong-kv',
    operations: [kvPut(0, 'a', UNKNOWN), kvGet(4, 'a')],
    kinds: [],
  },
  'an unknown write that is seen late': {
    checker: 'strong-kv',
    operations: [kvPut(0, 'a', UNKNOWN), kvGet(4, null), kvGet(6, 'a')],
    kinds: [],
  },
  'a failed write that is seen': {
    checker: 'strong-kv',
    operations: [kvPut(0, 'a', FAILED), kvGet(4, 'a')],
    kinds: ['not linearizable'],
  },
  'a search that was given up': {
    checker: 'strong-kv',
    operations: [kvPut(0, 'a'), kvPut(2, 'b'), kvGet(4, 'b')],
    kinds: [],
    undecided: true,
  },
  'a replaced value': {
    checker: 'values',
    operations: [put(0, 'a'), put(2, 'b'), get(4, 'a')],
    kinds: ['stale'],
  },
  'a failed value that is read': {
    checker: 'values',
    operations: [put(0, 'a', FAILED), get(2, 'a')],
    kinds: ['failed write applied'],
  },
  'an expired value': {
    checker: 'values',
    operations: [expiring(0, 'a', 9), get(10, 'a')],
    kinds: ['served expired'],
  },
  'an entry that is gone early': {
    checker: 'values',
    operations: [expiring(0, 'a', 9), get(2, null)],
    kinds: ['gone early'],
  },
  'an entry that expired': { checker: 'values', operations: [expiring(0, 'a', 9), get(10, null)], kinds: [] },
  'a list without a key': {
    checker: 'values',
    operations: [put(0, 'a'), list(2, [])],
    kinds: ['missing in a list'],
  },
  'a list with an expired key': {
    checker: 'values',
    operations: [expiring(0, 'a', 9), list(10, ['k'])],
    kinds: ['listed though gone'],
  },
  'a message that never came': { checker: 'queue', operations: [send(0)], kinds: ['lost'] },
  'a damaged body': {
    checker: 'queue',
    operations: [send(0), receive(2, 1, 'x'), settle(4, 'queue1', null)],
    kinds: ['damaged'],
  },
  'a message before its delay': {
    checker: 'queue',
    operations: [send(0, 1), receive(2, 1), settle(4, 'queue1', null)],
    kinds: ['early'],
  },
  'a second delivery within the lease': {
    checker: 'queue',
    operations: [send(0), receive(2, 1), receive(4, 2), settle(6, 'queue2', null)],
    kinds: ['two holders'],
  },
  'a delivery whose answer was read after the next one': {
    checker: 'queue',
    operations: [
      send(0),
      { ...receive(2, 1), ended: 2 * S },
      receive(1.5 * S, 2),
      settle(2.2 * S, 'queue2', null),
    ],
    kinds: [],
  },
  'a delivery after an ack': {
    checker: 'queue',
    operations: [
      send(0),
      receive(2, 1),
      settle(4, 'queue1', null),
      receive(2 * S, 2),
      settle(2 * S + 2, 'queue2', null),
    ],
    kinds: ['delivered after ack'],
  },
  'an ack of a replaced lease alone': {
    checker: 'queue',
    operations: [send(0), receive(2, 1), receive(2 * S, 2), settle(2 * S + 2, 'queue1', null)],
    kinds: ['lost'],
  },
  'a death after one delivery': {
    checker: 'queue',
    operations: [send(0), receive(2, 1), settle(4, 'queue1', 0), receive(6, 1, 'h', 'dead')],
    kinds: ['dead too early'],
  },
  'a time that nobody ran': { checker: 'crons', operations: [], kinds: ['skipped'] },
  'a time that was done before it ran': {
    checker: 'crons',
    operations: [claim(0, 'a', 1), finish(2), run(4)],
    kinds: ['done without a run'],
  },
  'two holders of a lease': {
    checker: 'crons',
    operations: [claim(0, 'a', 1), claim(2, 'b', 2), run(4), finish(6)],
    kinds: ['overlap'],
  },
  'a lost append': {
    checker: 'sql-lists',
    operations: [append(0, 1), append(2, 2), read(4, [2])],
    kinds: ['G0 in real time'],
  },
  'two orders of a list': {
    checker: 'sql-lists',
    operations: [append(0, 1), append(0, 2), read(4, [1, 2]), read(6, [2, 1])],
    kinds: ['lost append'],
  },
}
