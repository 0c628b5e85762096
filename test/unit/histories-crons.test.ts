import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkCrons, type CronCall, type CronOperation, type CronValue } from '../histories/checkers/crons.ts'

fc.configureGlobal({ seed: 1 })

let ids = 0
function op([begun, ended]: [number, number], call: CronCall, value: CronValue = null): CronOperation {
  return { id: ++ids, process: 'p', call, begun, ended, outcome: { is: 'ok', value } }
}
/** Leases last one second, a million microseconds. */
const claim = (begun: number, lease: string, attempt: number): CronOperation =>
  op([begun, begun + 1], { do: 'claim', tick: 't', lease, leaseSeconds: 1 }, { state: 'claimed', attempt })
const extend = (begun: number, lease: string, leaseSeconds = 1): CronOperation =>
  op([begun, begun + 1], { do: 'extend', tick: 't', lease, leaseSeconds }, true)
const run = (begun: number, ended: number, lease: string, early = false): CronOperation =>
  op([begun, ended], { do: 'run', tick: 't', lease, early })
const finish = (begun: number): CronOperation => op([begun, begun + 1], { do: 'finish', tick: 't' })
const killed = (operation: CronOperation): CronOperation => ({
  ...operation,
  ended: Infinity,
  outcome: { is: 'unknown', code: 'killed' },
})
const kinds = (operations: CronOperation[]): string[] =>
  checkCrons(operations, { ticks: ['t'], clockError: 0 }).violations.map(({ kind }) => kind)

describe('checker of crons', () => {
  it.each<[string, CronOperation[]]>([
    ['one run', [claim(0, 'a', 1), run(2, 5, 'a'), finish(6)]],
    [
      'a second run after a lost lease',
      [
        claim(0, 'a', 1),
        killed(run(2, 5, 'a')),
        claim(1_000_001, 'b', 2),
        run(1_000_003, 1_000_005, 'b'),
        finish(1_000_006),
      ],
    ],
    [
      'a second run after a freed lease',
      [claim(0, 'a', 1), extend(5, 'a', 0), claim(10, 'b', 2), run(12, 15, 'b'), finish(16)],
    ],
    [
      'a claim that was repeated, since its answer was lost',
      [claim(0, 'a', 1), claim(5, 'a', 1), run(7, 8, 'a'), finish(9)],
    ],
  ])('acquits %s', (_, operations) => {
    expect(kinds(operations)).toEqual([])
  })

  it.each<[string, string, CronOperation[]]>([
    ['a time that nobody ran', 'skipped', []],
    ['a time whose only run was killed', 'skipped', [claim(0, 'a', 1), killed(run(2, 5, 'a'))]],
    ['a run before its time', 'early', [claim(0, 'a', 1), run(2, 5, 'a', true), finish(6)]],
    ['a finish before the run', 'done without a run', [claim(0, 'a', 1), finish(2), run(4, 6, 'a')]],
    [
      'a claim of what is done',
      'claimed after done',
      [claim(0, 'a', 1), run(2, 3, 'a'), finish(4), claim(6, 'b', 2)],
    ],
    [
      'two claims of one attempt',
      'two claims',
      [claim(0, 'a', 1), claim(0, 'b', 1), run(2, 3, 'a'), finish(4)],
    ],
    [
      'a claim under another lease',
      'overlap',
      [claim(0, 'a', 1), claim(5, 'b', 2), run(7, 8, 'b'), finish(9)],
    ],
    [
      'a claim under a renewed lease',
      'overlap',
      [
        claim(0, 'a', 1),
        extend(900_000, 'a'),
        claim(1_500_000, 'b', 2),
        run(1_500_002, 1_500_003, 'b'),
        finish(1_500_004),
      ],
    ],
  ])('convicts %s', (_, kind, operations) => {
    expect(kinds(operations)).toContain(kind)
  })

  it('convicts a run of a time that is not in the calendar', () => {
    const found = checkCrons([claim(0, 'a', 1), run(2, 5, 'a'), finish(6)], { ticks: [], clockError: 0 })
    expect(found.violations.map(({ kind }) => kind)).toEqual(['invented'])
  })

  it('acquits every history of replicas that die and take over, and convicts it once a claim comes too soon', () => {
    const deaths = fc.array(
      fc.record({ works: fc.nat(900_000), renewals: fc.nat(3), late: fc.nat(500_000) }),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(deaths, fc.nat(8), (drawn, soon) => {
        const operations: CronOperation[] = []
        let now = 10
        let previousLeaseEnd = 0
        const isSoon = drawn.length > 0 && soon < drawn.length
        const history = (withFault: boolean): CronOperation[] => {
          operations.length = 0
          now = 10
          drawn.forEach(({ works, renewals, late }, index) => {
            if (withFault && index === soon && index > 0) now = previousLeaseEnd - 10
            operations.push(claim(now, `l${index}`, index + 1))
            previousLeaseEnd = now + 1_000_000
            operations.push(killed(run(now + 2, now + works + 3, `l${index}`)))
            for (let renewal = 1; renewal <= renewals; renewal++) {
              operations.push(extend(now + renewal * 300_000, `l${index}`))
              previousLeaseEnd = now + renewal * 300_000 + 1_000_000
            }
            now = previousLeaseEnd + 2 + late
          })
          operations.push(
            claim(now, 'last', drawn.length + 1),
            run(now + 2, now + 3, 'last'),
            finish(now + 4),
          )
          return operations
        }
        expect(kinds(history(false))).toEqual([])
        if (isSoon && soon > 0) expect(kinds(history(true))).toContain('overlap')
      }),
    )
  })
})
