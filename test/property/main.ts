/**
 * Sends random exchanges to targets' real runtimes and compares their answers: `npm run property -- [--runs
 * N] [--seed S] [--targets node,isolate] [--path PATH]`. Exit code 1 where two differ; the smallest such
 * exchange is printed.
 */
import { parseArgs } from 'node:util'
import { compareSides } from './property.ts'
import { startTargets, TARGETS } from './targets.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10000' },
    seed: { type: 'string' },
    path: { type: 'string' },
    targets: { type: 'string', default: TARGETS.join(',') },
  },
})
process.exitCode = await main()

async function main(): Promise<number> {
  const runs = Number(values.runs)
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
  const names = values.targets.split(',')
  const targets = TARGETS.filter((target) => names.includes(target))
  if (
    !Number.isInteger(runs) ||
    runs < 1 ||
    !Number.isInteger(seed) ||
    targets.length < 2 ||
    targets.length < names.length
  ) {
    console.error(
      `Give --runs and --seed as whole numbers, and --targets as two or more of ${TARGETS.join(',')}.`,
    )
    return 2
  }
  await using running = await startTargets(targets)
  const sides = [...running.urls].map(([name, url]) => ({ name, url }))
  // Pairs with Cloudflare leave out what it declares to differ, so the others are compared without it first.
  const groups =
    sides.length > 2 && names.includes('cloudflare')
      ? [sides.filter(({ name }) => name !== 'cloudflare'), sides]
      : [sides]
  for (const group of groups) {
    const outcome = await compareSides(group, { runs, seed, path: values.path })
    console.log(
      `${group.map(({ name }) => name).join(', ')}: ${outcome.runs} exchanges, seed ${seed}: ` +
        (outcome.difference === undefined ? 'no difference' : 'a difference'),
    )
    if (outcome.difference === undefined) continue
    console.log(JSON.stringify(outcome.difference, undefined, 2))
    console.log(
      `Again: npm run property -- --seed ${seed} --path ${outcome.difference.path} --targets ${group.map(({ name }) => name).join(',')}`,
    )
    return 1
  }
  return 0
}
