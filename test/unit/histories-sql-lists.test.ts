import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Outcome } from '../histories/checkers/operation.ts'
import { checkSqlLists, type ListOperation, type ListStep } from '../histories/checkers/sql-lists.ts'

fc.configureGlobal({ seed: 1 })

let ids = 0
function txn(
  [begun, ended]: [number, number],
  steps: readonly ListStep[],
  is: Outcome<unknown>['is'] = 'ok',
): ListOperation {
  const outcome = is === 'ok' ? { is, value: steps } : { is, code: 'Conflict' }
  const call = steps.map((step) => (step.do === 'read' ? { do: step.do, key: step.key } : step))
  return { id: ++ids, process: 'p', call: { steps: call }, begun, ended, outcome }
}
const append = (key: string, value: number): ListStep => ({ do: 'append', key, value })
const read = (key: string, ...list: number[]): ListStep => ({ do: 'read', key, list })
const count = (pair: string, count: number): ListStep => ({ do: 'count', pair, count })
const kinds = (operations: ListOperation[]): string[] => [
  ...new Set(checkSqlLists(operations).violations.map(({ kind }) => kind)),
]

describe('checker of transactions on lists', () => {
  it.each<[string, ListOperation[]]>([
    ['no transactions', []],
    [
      'serial transactions',
      [
        txn([0, 1], [append('x', 1)]),
        txn([2, 3], [read('x', 1), append('x', 2)]),
        txn([4, 5], [read('x', 1, 2)]),
      ],
    ],
    [
      'a read that ran beside a write',
      [txn([0, 9], [append('x', 1)]), txn([1, 2], [read('x')]), txn([10, 11], [read('x', 1)])],
    ],
    [
      'an unknown append that is seen',
      [txn([0, 1], [append('x', 1)], 'unknown'), txn([2, 3], [read('x')]), txn([4, 5], [read('x', 1)])],
    ],
    [
      'an unknown append that is not seen',
      [txn([0, 1], [append('x', 1)], 'unknown'), txn([2, 3], [read('x')])],
    ],
    ['a rolled back append', [txn([0, 1], [append('x', 1)], 'failed'), txn([2, 3], [read('x')])]],
    [
      'a guard that is left on duty',
      [txn([0, 1], [count('a', 2), { do: 'leave', pair: 'a', guard: 0 }]), txn([2, 3], [count('a', 1)])],
    ],
  ])('acquits %s', (_, operations) => {
    expect(kinds(operations)).toEqual([])
  })

  it.each<[string, string, ListOperation[]]>([
    [
      'a write cycle',
      'G0',
      [
        txn([0, 9], [append('x', 1), append('y', 2)]),
        txn([0, 9], [append('x', 3), append('y', 4)]),
        txn([10, 11], [read('x', 1, 3), read('y', 4, 2)]),
      ],
    ],
    ['an aborted read', 'G1a', [txn([0, 1], [append('x', 1)], 'failed'), txn([2, 3], [read('x', 1)])]],
    [
      'an intermediate read',
      'G1b',
      [
        txn([0, 9], [append('x', 1), append('x', 2)]),
        txn([1, 2], [read('x', 1)]),
        txn([10, 11], [read('x', 1, 2)]),
      ],
    ],
    [
      'circular information',
      'G1c',
      [txn([0, 9], [append('x', 1), read('y', 2)]), txn([0, 9], [append('y', 2), read('x', 1)])],
    ],
    [
      'a lost update',
      'lost append',
      [
        txn([0, 9], [read('x'), append('x', 1)]),
        txn([0, 9], [read('x'), append('x', 2)]),
        txn([10, 11], [read('x', 1)]),
        txn([10, 11], [read('x', 2)]),
      ],
    ],
    [
      'read skew',
      'G-single',
      [
        txn([0, 9], [append('x', 1), append('y', 2)]),
        txn([0, 9], [read('x', 1), read('y')]),
        txn([10, 11], [read('y', 2)]),
      ],
    ],
    [
      'a batch of which a part took effect',
      'G-single',
      [txn([0, 1], [append('x', 1), append('y', 2)], 'unknown'), txn([10, 11], [read('x', 1), read('y')])],
    ],
    [
      'write skew on lists',
      'G2',
      [
        txn([0, 9], [read('x'), append('y', 1)]),
        txn([0, 9], [read('y'), append('x', 2)]),
        txn([10, 11], [read('x', 2), read('y', 1)]),
      ],
    ],
    [
      'a read behind an answered write',
      'G-single in real time',
      [txn([0, 1], [append('x', 1)]), txn([2, 3], [read('x')]), txn([4, 5], [read('x', 1)])],
    ],
    [
      'an answered write that vanished',
      'G-single in real time',
      [txn([0, 1], [append('x', 1)]), txn([2, 3], [read('x')])],
    ],
    ['a value that nobody appended', 'invented', [txn([0, 1], [read('x', 7)])]],
    [
      'a value that is there twice',
      'repeated',
      [txn([0, 1], [append('x', 1)]), txn([2, 3], [read('x', 1, 1)])],
    ],
    [
      'a transaction that does not see its own write',
      'own write missing',
      [txn([0, 1], [append('x', 1), read('x')])],
    ],
    [
      'a list in two states',
      'unrepeatable read',
      [txn([0, 1], [append('x', 1)]), txn([2, 3], [read('x'), read('x', 1)])],
    ],
    ['a pair without a guard', 'write skew', [txn([0, 1], [count('a', 0)])]],
  ])('convicts %s', (_, kind, operations) => {
    expect(kinds(operations)).toContain(kind)
  })

  it('acquits every serializable history, and convicts it once a transaction reads one list too old', () => {
    const drawn = fc.array(
      fc.record({
        point: fc.nat(500),
        before: fc.nat(40),
        after: fc.nat(40),
        fate: fc.constantFrom('ok', 'ok', 'ok', 'ok', 'failed', 'unknown', 'applied'),
        steps: fc.array(fc.tuple(fc.constantFrom('append', 'read'), fc.constantFrom('x', 'y', 'z')), {
          minLength: 1,
          maxLength: 4,
        }),
      }),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(drawn, (transactions) => {
        let next = 1
        let state = new Map<string, number[]>()
        const operations = transactions
          .toSorted((a, b) => a.point - b.point)
          .map(({ point, before, after, fate, steps }) => {
            const own = new Map([...state].map(([key, list]) => [key, [...list]]))
            const done = steps.map(([does, key]): ListStep => {
              const list = own.get(key) ?? []
              if (does === 'read') return read(key, ...list)
              own.set(key, [...list, next])
              return append(key, next++)
            })
            if (fate === 'ok' || fate === 'applied') state = own
            const is = fate === 'ok' || fate === 'failed' ? fate : 'unknown'
            return txn([(point - before) * 3, (point + after) * 3 + 1], done, is)
          })
        expect(kinds(operations)).toEqual([])
        const end = Math.max(0, ...operations.map(({ ended }) => ended))
        const x = state.get('x') ?? []
        const y = state.get('y') ?? []
        const fault = [
          txn([end + 1, end + 2], [append('x', next), append('y', next + 1)]),
          txn([end + 3, end + 4], [read('x', ...x, next), read('y', ...y)]),
          txn([end + 5, end + 6], [read('y', ...y, next + 1)]),
        ]
        expect(kinds([...operations, ...fault])).not.toEqual([])
      }),
    )
  })
})
