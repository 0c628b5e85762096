import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { holesOf } from '../hostile/attack.ts'
import { CORPUS } from '../hostile/corpus.ts'
import { draw } from '../hostile/draw.ts'
import { patched } from '../hostile/package-copy.ts'
import { summarize } from '../hostile/report.ts'
import { checkout } from './temp-project.ts'

const SECURITY = readFileSync(
  fileURLToPath(new URL('../../adapters/isolate/SECURITY.md', import.meta.url)),
  'utf8',
)

describe('SECURITY.md', () => {
  it('names each class of attacks beside a promise, and none that there is not', () => {
    const table = SECURITY.slice(SECURITY.indexOf('| promise |'), SECURITY.indexOf('## What needs'))
    const named = table
      .split('\n')
      .slice(2)
      .flatMap((row) => [...(row.split('|').at(-2) ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name))
    expect(new Set(named)).toEqual(new Set(CORPUS.map(({ name }) => name)))
    expect(named).toHaveLength(CORPUS.length)
  })
})

describe('the corpus', () => {
  it('has ten attacks or more in each class, each by a name of its own', () => {
    for (const { name, attacks } of CORPUS) {
      const names = attacks.map((attack) => attack.name)
      expect([name, new Set(names).size]).toEqual([name, names.length])
      expect([name, names.length >= 10]).toEqual([name, true])
    }
  })

  it('tries its planted holes by attacks that there are', () => {
    for (const one of CORPUS)
      for (const hole of holesOf(one)) {
        expect(hole.attacks.length, one.name).toBeGreaterThan(0)
        for (const attack of hole.attacks) expect(one.attacks.map(({ name }) => name)).toContain(attack)
      }
  })

  it('plants holes that fit the built package, and leave modules that can be read', async () => {
    for (const hole of CORPUS.flatMap(holesOf)) {
      const text = patched(readFileSync(join(checkout, 'dist', hole.file), 'utf8'), hole)
      await expect(transform(text, { format: 'esm' }), hole.is).resolves.toHaveProperty('code')
    }
  })
})

describe('a selection', () => {
  it('is so many of each class, and the same for the same seed', () => {
    const drawn = draw(CORPUS, 5, 7)
    const counts = CORPUS.map(({ name }) => new Set(drawn.get(name)).size)
    // One class has one more, of those that may end a process.
    expect(counts.toSorted((a, b) => a - b)).toEqual([...CORPUS.slice(1).map(() => 5), 6])
    expect(draw(CORPUS, 5, 7)).toEqual(drawn)
    expect(draw(CORPUS, 5, 8)).not.toEqual(drawn)
  })
})

describe('the summary of a run', () => {
  it('takes a class whose hole was not convicted for one that was not tried', () => {
    const results = [{ attack: 'a', ms: 1, outcome: { result: 'held' } as const }]
    const harmful = [{ attack: 'b', ms: 1, outcome: { result: 'harmful', why: 'w' } as const }]
    const reports = [
      { class: 'seen', results, holes: 2, convicted: 2 },
      { class: 'blind', results: harmful, holes: 2, convicted: 1 },
    ]
    expect(summarize(reports, true)).toEqual({
      tried: 1,
      held: 1,
      bounded: 0,
      harmful: 1,
      classes: {
        seen: { tried: 1, held: 1, bounded: 0, harmful: 0 },
        blind: { tried: 1, held: 0, bounded: 0, harmful: 1 },
      },
      planted: { holes: 4, convicted: 3 },
    })
  })
})
