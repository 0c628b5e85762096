import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { DIST, MUTANTS } from '../histories/mutants/index.ts'
import { DRIVERS } from '../histories/plan.ts'

it.each(MUTANTS.map((mutant) => [mutant.is, mutant] as const))(
  'the planted bug "%s" fits the built package, each of its texts once',
  (_, { patches }) => {
    for (const { file, from, to, also } of patches) {
      const text = readFileSync(join(DIST, file), 'utf8')
      for (const [before, after] of [[from, to] as const, ...(also === undefined ? [] : [also])]) {
        expect(text.split(before).length - 1, before).toBe(1)
        expect(after).not.toBe(before)
      }
    }
  },
)

it('every planted bug has a name of its own, and a workload that its driver serves', () => {
  expect(new Set(MUTANTS.map(({ is }) => is)).size).toBe(MUTANTS.length)
  for (const { driver, workload } of MUTANTS) expect(DRIVERS[driver]).toContain(workload)
})
