import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FAULTS, startFaulty } from '../property/faulty.ts'
import { compareSides } from '../property/property.ts'
import { type Running, startTargets, type Target, TARGETS } from '../property/targets.ts'

let running: Running
const side = (name: Target): { name: Target; url: string } => ({ name, url: running.urls.get(name) ?? '' })

beforeAll(async () => {
  running = await startTargets(TARGETS)
})
afterAll(() => running[Symbol.asyncDispose]())

describe('random exchanges', () => {
  it.each([
    ['node', 'lambda'],
    ['node', 'isolate'],
    ['lambda', 'isolate'],
    ['node', 'cloudflare'],
    ['lambda', 'cloudflare'],
    ['isolate', 'cloudflare'],
  ] as const)('%s and %s answer alike', async (one, other) => {
    const outcome = await compareSides([side(one), side(other)], { runs: 40, seed: 13 })
    expect(outcome.difference).toBe(undefined)
    expect(outcome.runs).toBe(40)
  })
})

describe('a planted fault is found', () => {
  it('a way without a fault shows no difference', async () => {
    await using way = await startFaulty(side('node').url, undefined)
    const outcome = await compareSides([side('node'), { name: 'a way', url: way.url }], {
      runs: 100,
      seed: 5,
    })
    expect(outcome.difference).toBe(undefined)
  })

  it.each(FAULTS)('%s', async (fault) => {
    await using way = await startFaulty(side('node').url, fault)
    const sides = [side('node'), { name: 'a way', url: way.url }]
    const { difference } = await compareSides(sides, { runs: 10_000, seed: 5, shrink: false })
    const [one, other] = difference?.seen ?? []
    expect(one?.[1].status).toBe(other?.[1].status)
    expect(one?.[1]).not.toEqual(other?.[1])
  })

  it('and shrunk to what it needs, and found again by its seed and path', async () => {
    await using way = await startFaulty(side('node').url, 'a lost header')
    const sides = [side('node'), { name: 'a way', url: way.url }]
    const { seed, difference } = await compareSides(sides, { runs: 10_000, seed: 5 })
    expect(difference?.exchange).toMatchObject({
      headers: [],
      body: null,
      plan: { headers: [['x-r3', '!']] },
    })
    const again = await compareSides(sides, { runs: 1, seed, path: difference?.path, shrink: false })
    expect(again.difference?.exchange).toEqual(difference?.exchange)
  })
})
