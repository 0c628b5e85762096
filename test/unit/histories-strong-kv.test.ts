import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Outcome } from '../histories/checkers/operation.ts'
import {
  checkStrongKv,
  type StrongKvCall,
  type StrongKvOperation,
  type StrongKvValue,
} from '../histories/checkers/strong-kv.ts'

fc.configureGlobal({ seed: 1 })

let ids = 0
/** An operation on key `k` from `begun` to `ended`. */
function op(
  begun: number,
  ended: number,
  call: StrongKvCall,
  value: StrongKvValue | Outcome<StrongKvValue> = null,
): StrongKvOperation {
  const outcome =
    value !== null && typeof value === 'object' && 'is' in value ? value : ({ is: 'ok', value } as const)
  return { id: ++ids, process: 'p', call, begun, ended, outcome }
}
const get = { do: 'get', key: 'k' } as const
const put = (value: string): StrongKvCall => ({ do: 'put', key: 'k', value })
const putIf = (value: string, version: string | null): StrongKvCall => ({
  do: 'putIf',
  key: 'k',
  value,
  version,
})
const read = { do: 'getWithVersion', key: 'k' } as const
const unknown = { is: 'unknown', code: 'Unavailable' } as const
const failed = { is: 'failed', code: 'Conflict' } as const

const kinds = (operations: readonly StrongKvOperation[]): string[] =>
  checkStrongKv(operations).violations.map(({ kind }) => kind)

describe('checker of the strong kv', () => {
  it.each<[string, StrongKvOperation[]]>([
    ['no operations', []],
    ['reads beside a write', [op(0, 9, put('a')), op(1, 2, get, null), op(3, 4, get, 'a')]],
    ['an unknown write that is never seen', [op(0, Infinity, put('a'), unknown), op(5, 6, get, null)]],
    [
      'an unknown write that is seen late',
      [op(0, Infinity, put('a'), unknown), op(5, 6, get, null), op(7, 8, get, 'a')],
    ],
    ['a failed write that is never seen', [op(0, 1, put('a'), failed), op(5, 6, get, null)]],
    [
      'a condition that held and one that did not',
      [
        op(0, 1, putIf('a', null), 'v1'),
        op(2, 3, read, { value: 'a', version: 'v1' }),
        op(4, 5, putIf('b', 'v1'), 'v2'),
        op(6, 7, putIf('c', 'v1'), null),
        op(8, 9, { do: 'deleteIf', key: 'k', version: 'v2' }, true),
        op(10, 11, get, null),
      ],
    ],
    [
      'an unknown condition that explains a later refusal',
      [
        op(0, 1, putIf('a', null), 'v1'),
        op(2, Infinity, putIf('b', 'v1'), unknown),
        op(4, 5, putIf('c', 'v1'), null),
        op(6, 7, get, 'b'),
      ],
    ],
  ])('acquits %s', (_, operations) => {
    expect(checkStrongKv(operations)).toMatchObject({ violations: [], undecided: [] })
  })

  it.each<[string, string, StrongKvOperation[]]>([
    ['a stale read', 'not linearizable', [op(0, 1, put('a')), op(2, 3, put('b')), op(4, 5, get, 'a')]],
    ['a read of nothing after a write', 'not linearizable', [op(0, 1, put('a')), op(2, 3, get, null)]],
    ['a read of what nobody wrote', 'not linearizable', [op(0, 1, get, 'x')]],
    ['a failed write that is seen', 'not linearizable', [op(0, 1, put('a'), failed), op(2, 3, get, 'a')]],
    [
      'reads that go back behind an unknown write',
      'not linearizable',
      [op(0, 1, put('a')), op(2, Infinity, put('b'), unknown), op(3, 4, get, 'b'), op(5, 6, get, 'a')],
    ],
    [
      'a lost update, where two conditions on one version held',
      'not linearizable',
      [op(0, 1, putIf('a', null), 'v1'), op(2, 9, putIf('b', 'v1'), 'v2'), op(3, 8, putIf('c', 'v1'), 'v3')],
    ],
    [
      'a repeated putIf that applied and says that it did not',
      'not linearizable',
      [op(0, 1, putIf('a', null), null), op(2, 3, get, 'a')],
    ],
    [
      'a version of two values',
      'version reused',
      [op(0, 1, putIf('a', null), 'v1'), op(2, 3, putIf('b', 'v1'), 'v1')],
    ],
    [
      'a write with two versions',
      'version changed',
      [op(0, 1, putIf('a', null), 'v1'), op(2, 3, read, { value: 'a', version: 'v2' })],
    ],
  ])('convicts %s', (_, kind, operations) => {
    expect(kinds(operations)).toContain(kind)
  })

  it('says undecided where the search visits more states than it may', () => {
    // Concurrent writes that no read can tell apart from each other's order, and a read of none of them.
    const writes = Array.from({ length: 12 }, (_, index) => op(index, 100 + index, put(`w${index}`)))
    const operations = [...writes, op(200, 201, get, 'none')]
    expect(checkStrongKv(operations, { mostStates: 500 })).toMatchObject({ violations: [], undecided: ['k'] })
    expect(kinds(operations)).toEqual(['not linearizable'])
  })

  it('says undecided for a key with more operations than a plan may have', () => {
    const operations = Array.from({ length: 201 }, (_, index) => op(index * 2, index * 2 + 1, get, null))
    expect(checkStrongKv(operations)).toMatchObject({ violations: [], undecided: ['k'] })
  })

  it('acquits every history of a correct store, and convicts it once a stale read is added', () => {
    fc.assert(
      fc.property(correctHistory, (operations) => {
        expect(checkStrongKv(operations)).toMatchObject({ violations: [], undecided: [] })
        const end = Math.max(
          0,
          ...operations.flatMap(({ begun, ended }) => [begun, ended === Infinity ? 0 : ended]),
        )
        const fault = [
          op(end + 1, end + 2, put('older')),
          op(end + 3, end + 4, put('newer')),
          op(end + 5, end + 6, get, 'older'),
        ]
        expect(kinds([...operations, ...fault])).toContain('not linearizable')
      }),
    )
  })
})

/**
 * Histories of a correct store: each operation takes effect at a point inside its interval. Unknown ones took
 * effect or not, failed ones did not.
 */
const correctHistory = fc
  .array(
    fc.record({
      point: fc.integer({ min: 0, max: 1000 }),
      before: fc.integer({ min: 0, max: 60 }),
      after: fc.integer({ min: 0, max: 60 }),
      does: fc.constantFrom('get', 'getWithVersion', 'put', 'delete', 'putIf', 'putIfAbsent', 'deleteIf'),
      fate: fc.constantFrom('ok', 'ok', 'ok', 'ok', 'failed', 'unknown', 'applied, unknown'),
      old: fc.nat(3),
    }),
    { maxLength: 40 },
  )
  .map((drawn) => {
    let state: string | null = null
    const versions: string[] = []
    // A client can only name a version that it was told: those of this model are of writes that were answered.
    return drawn
      .toSorted((a, b) => a.point - b.point)
      .map(({ point, before, after, does, fate, old }, index) => {
        const value = `x${index}`
        const version = versions.at(-1 - old) ?? `v-${value}`
        const call: StrongKvCall =
          does === 'get' || does === 'getWithVersion'
            ? { do: does, key: 'k' }
            : does === 'put' || does === 'putIf' || does === 'putIfAbsent'
              ? does === 'put'
                ? put(value)
                : putIf(value, does === 'putIf' ? version : null)
              : does === 'delete'
                ? { do: 'delete', key: 'k' }
                : { do: 'deleteIf', key: 'k', version }
        const applies = fate === 'ok' || fate === 'applied, unknown'
        const answer = applies ? apply(call) : null
        const outcome: Outcome<StrongKvValue> =
          fate === 'ok' ? { is: 'ok', value: answer } : fate === 'failed' ? failed : unknown
        return op(
          (point - before) * 3,
          fate.endsWith('unknown') ? Infinity : (point + after) * 3 + 1,
          call,
          outcome,
        )

        function apply(call: StrongKvCall): StrongKvValue {
          const holds =
            'version' in call && (call.version === null ? state === null : call.version === `v-${state}`)
          switch (call.do) {
            case 'get':
              return state
            case 'getWithVersion':
              return state === null ? null : { value: state, version: `v-${state}` }
            case 'put':
              state = call.value
              return null
            case 'delete':
              state = null
              return null
            case 'putIf':
              if (!holds) return null
              state = call.value
              if (fate === 'ok') versions.push(`v-${state}`)
              return `v-${state}`
            case 'deleteIf':
              if (holds) state = null
              return holds
          }
        }
      })
  })
