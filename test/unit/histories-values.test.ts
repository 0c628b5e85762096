import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkValues,
  DAMAGED,
  type FoundValue,
  type ValueCall,
  type ValueOperation,
} from '../histories/checkers/values.ts'

fc.configureGlobal({ seed: 1 })

let ids = 0
function op(
  [begun, ended]: [number, number],
  call: ValueCall,
  value: FoundValue = null,
  process = 'p',
): ValueOperation {
  return { id: ++ids, process, call, begun, ended, outcome: { is: 'ok', value } }
}
const get = { do: 'get', key: 'k' } as const
const remove = { do: 'delete', key: 'k' } as const
const put = (value: string): ValueCall => ({ do: 'put', key: 'k', value })
const without = (operation: ValueOperation, is: 'failed' | 'unknown'): ValueOperation => ({
  ...operation,
  outcome: { is, code: 'Unavailable' },
})
const STRONG = { stalenessSeconds: 0, readYourWrites: true, clockError: 0 }
/** A bound of five microseconds. */
const STALE = { stalenessSeconds: 5e-6, readYourWrites: true, clockError: 0 }
const kinds = (operations: ValueOperation[], promised = STRONG): string[] =>
  checkValues(operations, promised).violations.map(({ kind }) => kind)

const expiring = (value: string, expiresAt: number): ValueCall => ({ do: 'put', key: 'k', value, expiresAt })
const list = { do: 'list', key: '' } as const

describe('checker of whole values', () => {
  it.each<[string, ValueOperation[]]>([
    ['a read of the latest write', [op([0, 1], put('a')), op([2, 3], get, 'a')]],
    ['a read beside a write', [op([0, 1], put('a')), op([2, 9], put('b')), op([3, 4], get, 'a')]],
    ['nothing beside a delete', [op([0, 1], put('a')), op([2, 9], remove), op([3, 4], get, null)]],
    [
      'nothing after an unknown delete',
      [op([0, 1], put('a')), without(op([2, 3], remove), 'unknown'), op([9, 10], get, null)],
    ],
    ['an entry before its expiration', [op([0, 1], expiring('a', 9)), op([2, 3], get, 'a')]],
    ['nothing after an expiration', [op([0, 1], expiring('a', 9)), op([10, 11], get, null)]],
    ['a read beside an expiration', [op([0, 1], expiring('a', 9)), op([8, 10], get, null)]],
    [
      'nothing where the last write expired',
      [op([0, 1], put('a')), op([2, 3], expiring('b', 9)), op([10, 11], get, null)],
    ],
    ['a list of what is there', [op([0, 1], put('a')), op([2, 3], list, ['k'])]],
    ['a list beside a put', [op([0, 9], put('a')), op([2, 3], list, []), op([4, 5], list, ['k'])]],
    ['a list after an expiration', [op([0, 1], expiring('a', 9)), op([10, 11], list, [])]],
    ['an unknown write that is seen', [without(op([0, 1], put('a')), 'unknown'), op([2, 3], get, 'a')]],
  ])('acquits %s', (_, operations) => {
    expect(kinds(operations)).toEqual([])
  })

  it.each<[string, string, ValueOperation[]]>([
    ['bytes of no write', 'damaged', [op([0, 1], put('a')), op([2, 3], get, DAMAGED)]],
    ['a value that nobody wrote', 'invented', [op([2, 3], get, 'x')]],
    ['a value before its write', 'invented', [op([0, 1], get, 'a'), op([2, 3], put('a'))]],
    [
      'a failed write that is seen',
      'failed write applied',
      [without(op([0, 1], put('a')), 'failed'), op([2, 3], get, 'a')],
    ],
    ['a replaced value', 'stale', [op([0, 1], put('a')), op([2, 3], put('b')), op([4, 5], get, 'a')]],
    ['a removed value', 'stale', [op([0, 1], put('a')), op([2, 3], remove), op([4, 5], get, 'a')]],
    ['an expired value', 'served expired', [op([0, 1], expiring('a', 9)), op([10, 11], get, 'a')]],
    ['nothing before an expiration', 'gone early', [op([0, 1], expiring('a', 9)), op([2, 3], get, null)]],
    ['a list without a key', 'missing in a list', [op([0, 1], put('a')), op([2, 3], list, [])]],
    [
      'a list with a removed key',
      'listed though gone',
      [op([0, 1], put('a')), op([2, 3], remove), op([4, 5], list, ['k'])],
    ],
    [
      'a list with an expired key',
      'listed though gone',
      [op([0, 1], put('a')), op([2, 3], expiring('b', 9)), op([10, 11], list, ['k'])],
    ],
    ['a list with a key of nobody', 'invented', [op([0, 1], put('a')), op([2, 3], list, ['k', 'x'])]],
    ['nothing after a write', 'stale', [op([0, 1], put('a')), op([4, 5], get, null)]],
  ])('convicts a read of %s', (_, kind, operations) => {
    expect(kinds(operations)).toEqual([kind])
  })

  it('allows staleness up to the bound to other processes, and never to the writer', () => {
    const history = (at: number, process: string): ValueOperation[] => [
      op([0, 1], put('a'), null, 'writer'),
      op([2, 3], put('b'), null, 'writer'),
      op([at, at + 1], get, 'a', process),
    ]
    expect(kinds(history(7, 'reader'), STALE)).toEqual([])
    expect(kinds(history(9, 'reader'), STALE)).toEqual(['stale'])
    expect(kinds(history(7, 'writer'), STALE)).toEqual(['stale'])
    expect(kinds(history(7, 'writer'), { ...STALE, readYourWrites: false })).toEqual([])
  })

  it('acquits every history of a correct store, and convicts it once a replaced value is read', () => {
    const drawn = fc.array(
      fc.record({
        point: fc.integer({ min: 0, max: 500 }),
        before: fc.nat(40),
        after: fc.nat(40),
        does: fc.constantFrom('get', 'put', 'delete'),
        fate: fc.constantFrom('ok', 'ok', 'ok', 'failed', 'unknown', 'applied'),
      }),
      { maxLength: 50 },
    )
    fc.assert(
      fc.property(drawn, (steps) => {
        let state: string | null = null
        const operations = steps
          .toSorted((a, b) => a.point - b.point)
          .map(({ point, before, after, does, fate }, index) => {
            const call = does === 'put' ? put(`x${index}`) : does === 'get' ? get : remove
            const answer = does === 'get' ? state : null
            if (fate === 'ok' || fate === 'applied')
              state = does === 'put' ? `x${index}` : does === 'get' ? state : null
            const operation = op(
              [(point - before) * 3, (point + after) * 3 + 1],
              call,
              answer,
              `p${index % 3}`,
            )
            return fate === 'ok' ? operation : without(operation, fate === 'failed' ? 'failed' : 'unknown')
          })
        expect(kinds(operations)).toEqual([])
        const end = Math.max(0, ...operations.map(({ ended }) => ended))
        const fault = [
          op([end + 1, end + 2], put('old')),
          op([end + 3, end + 4], put('new')),
          op([end + 5, end + 6], get, 'old'),
        ]
        expect(kinds([...operations, ...fault])).toEqual(['stale'])
      }),
    )
  })
})
