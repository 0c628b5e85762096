import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Operation } from '../histories/checkers/operation.ts'
import { judge } from '../histories/judge.ts'
import type { Plan } from '../histories/plan-data.ts'
import { createPlan, faultsOf } from '../histories/plan.ts'
import { type History, loadHistory, storeHistory, toOperations } from '../histories/record/history.ts'
import { ddmin, shrinkPlan } from '../histories/shrink.ts'

fc.configureGlobal({ seed: 1 })

const plan: Plan = { ...createPlan({ seed: 1, driver: 'sqlite', workload: 'kv', processes: 3, faults: [] }) }
const read: Operation<object> = {
  id: 1,
  process: 'p0.0',
  call: { do: 'get', key: 'k' },
  begun: 10,
  ended: 20,
  outcome: { is: 'ok', value: null },
}
const history = (more: Partial<History>): History => ({
  plan,
  operations: [read],
  faults: [],
  problems: [],
  ...more,
})
const kinds = (more: Partial<History>): string[] => judge(history(more)).violations.map(({ kind }) => kind)

describe('judge of a run', () => {
  it('acquits a history whose operations succeeded', () => {
    expect(kinds({})).toEqual([])
  })

  it('fails an empty history, and one in which most operations failed', () => {
    expect(kinds({ operations: [] })).toEqual(['empty history'])
    const failed = (id: number): Operation<object> => ({
      ...read,
      id,
      outcome: { is: 'failed', code: 'Timeout' },
    })
    expect(kinds({ operations: [read, failed(2), failed(3)] })).toEqual(['too few successes'])
  })

  it('fails a run whose planned fault was not done, or hit nothing', () => {
    const fault = { kind: 'kill', at: 50, process: 0 } as const
    const faulty = { ...plan, faults: [fault] }
    expect(kinds({ plan: faulty })).toEqual(['fault without evidence'])
    expect(kinds({ plan: faulty, faults: [{ fault, begun: 0, ended: 1, evidence: '' }] })).toEqual([
      'fault without evidence',
    ])
    expect(kinds({ plan: faulty, faults: [{ fault, begun: 0, ended: 1, evidence: 'SIGKILL' }] })).toEqual([])
  })

  it('fails a run that broke off, and a driver whose error is no UnmoorError', () => {
    expect(kinds({ problems: ['A process ended by itself.'] })).toEqual(['run'])
    const foreign = { ...read, id: 2, outcome: { is: 'unknown', code: 'foreign: TypeError' } } as const
    expect(kinds({ operations: [read, foreign] })).toEqual(['foreign error'])
  })
})

describe('records of a run', () => {
  it('a call without an answer is unknown and never ends, and so is one whose error says so', () => {
    const operations = toOperations([
      { b: 1, t: 10, p: 'p0.0', c: { do: 'put' } },
      { b: 2, t: 11, p: 'p0.0', c: { do: 'put' } },
      { e: 2, t: 12, o: { is: 'unknown', code: 'Unavailable' } },
      { b: 3, t: 13, p: 'p0.0', c: { do: 'put' } },
      { e: 3, t: 14, o: { is: 'ok', value: null } },
    ])
    expect(operations.map(({ ended, outcome }) => [ended, outcome.is])).toEqual([
      [Infinity, 'unknown'],
      [Infinity, 'unknown'],
      [14, 'ok'],
    ])
  })

  it('a stored history is loaded as it was, and one of another version is refused', () => {
    const dir = mkdtempSync(join(tmpdir(), 'unmoor-stored-'))
    try {
      const path = join(dir, 'history.jsonl')
      const killed: Operation<object> = {
        ...read,
        id: 2,
        ended: Infinity,
        outcome: { is: 'unknown', code: 'killed' },
      }
      const stored = history({ operations: [read, killed], problems: ['It broke off.'] })
      storeHistory(path, stored)
      expect(loadHistory(path)).toEqual(stored)
      writeFileSync(path, readFileSync(path, 'utf8').replace('"version":1', '"version":2'))
      expect(() => loadHistory(path)).toThrow('no history of version 1')
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })
})

describe('plans and their shrinking', () => {
  it('a seed gives the same plan again, and every kind of fault of a server is drawn by some seed', () => {
    const draw = (seed: number): Plan =>
      createPlan({ seed, driver: 'postgres', workload: 'sql', processes: 3, faults: faultsOf('postgres') })
    expect(draw(5)).toEqual(draw(5))
    expect(draw(5)).not.toEqual(draw(6))
    const drawn = new Set(
      Array.from({ length: 60 }, (_, seed) => draw(seed).faults.map(({ kind }) => kind)).flat(),
    )
    expect([...drawn].sort()).toEqual([...faultsOf('postgres')].sort())
  })

  it('ddmin keeps exactly the parts that a failure needs', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(60), { maxLength: 6 }), async (needed) => {
        const all = Array.from({ length: 61 }, (_, index) => index)
        const found = await ddmin(all, async (rest) => needed.every((one) => rest.includes(one)))
        expect([...found]).toEqual([...needed].sort((a, b) => a - b))
      }),
    )
  })

  it('a plan that fails by two steps of one key and a kill shrinks to these', async () => {
    const whole = createPlan({ seed: 3, driver: 'sqlite', workload: 'kv', processes: 3, faults: ['kill'] })
    const key = whole.clients[2]?.steps[4]?.key
    const needs = (candidate: Plan): boolean =>
      candidate.faults.length > 0 &&
      candidate.clients.flatMap(({ steps }) => steps.filter((step) => step.key === key)).length >= 2
    const small = await shrinkPlan(whole, async (candidate) => needs(candidate))
    expect(needs(small)).toBe(true)
    expect(small.faults.length).toBe(1)
    expect(small.clients.flatMap(({ steps }) => steps).length).toBe(2)
    expect(small.clients.length).toBe(whole.clients.length)
  })
})
