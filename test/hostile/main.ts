/**
 * Attacks a host as its tenants, their visitors and the network can: `npm run hostile -- [--json] [--class
 * NAME] [--attack NAME] [--part corpus|planted|guard] [--per-class N [--seed N]] [--slow MS]`. Exit code 1 where an attack was harmful or a planted
 * hole was not convicted. README.md describes it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startHost } from '../../adapters/isolate/host/index.ts'
import type { AttackClass } from './attack.ts'
import { allBuilt } from './builds.ts'
import { CORPUS, NOT_YET } from './corpus.ts'
import { draw } from './draw.ts'
import { type Report, reportLine, summarize } from './report.ts'
import { tryGuarded, tryHoles } from './parts.ts'
import { tryAttacks } from './runner.ts'
import { World } from './world.ts'

const PARTS = ['corpus', 'planted', 'guard']
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    class: { type: 'string', multiple: true },
    attack: { type: 'string', multiple: true },
    slow: { type: 'string', default: 'Infinity' },
    'per-class': { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    part: { type: 'string', multiple: true, default: PARTS },
  },
})
process.exitCode = await main()

async function main(): Promise<number> {
  const all = [...CORPUS, ...NOT_YET]
  const classes = values.class === undefined ? CORPUS : all.filter(({ name }) => values.class?.includes(name))
  const unknown = values.class?.find((name) => !all.some((one) => one.name === name))
  const part = values.part.find((name) => !PARTS.includes(name))
  if (unknown !== undefined || part !== undefined || (values.attack !== undefined && classes.length !== 1)) {
    console.error(
      `Give --class as one of ${all.map(({ name }) => name).join(', ')}; --part as one of ` +
        `${PARTS.join(', ')}; --attack together with one --class.`,
    )
    return 2
  }
  const builds = await mkdtemp(join(tmpdir(), 'unmoor-hostile-'))
  process.env['UNMOOR_TEST_BUILDS'] = builds
  try {
    return await run(classes)
  } finally {
    for (const dir of [builds, ...(await allBuilt())]) await rm(dir, { recursive: true, force: true })
  }
}

async function run(classes: readonly AttackClass[]): Promise<number> {
  const reports: Report[] = []
  const say = (line: string): void => void (values.json ? process.stderr : process.stdout).write(`${line}\n`)
  if (values.class === undefined) for (const { name } of NOT_YET) say(`${name}: not yet tried as a class`)
  const tried: AttackClass[] = []
  for (const one of classes) {
    const lack = await one.lacks?.()
    if (lack === undefined) tried.push(one)
    else say(`${one.name}: skipped, this machine has no ${lack}`)
  }
  const count = values['per-class']
  const drawn = count === undefined ? undefined : draw(tried, Number(count), Number(values.seed))
  if (drawn !== undefined) say(`${count} attacks of each class, drawn by --seed ${values.seed}`)
  if (values.part.includes('corpus')) {
    const shared = tried.filter(({ host }) => host === undefined)
    await using world = await World.open(shared, startHost)
    for (const one of shared) reports.push(await tryClass(one, world, drawn, say))
    for (const one of tried.filter(({ host }) => host !== undefined)) {
      await using own = await World.open([one], startHost, await one.host?.())
      reports.push(await tryClass(one, own, drawn, say))
    }
  } else for (const one of tried) reports.push({ class: one.name, results: [], convicted: false })
  if (values.part.includes('planted')) await tryHoles(tried, reports, say)
  const guardHeld = !values.part.includes('guard') || (await tryGuarded(tried, say))
  const summary = summarize(reports, values.part.includes('planted'))
  console.log(JSON.stringify(summary))
  const isRight =
    summary.harmful === 0 &&
    guardHeld &&
    (!values.part.includes('planted') || summary.planted.convicted === summary.planted.holes)
  return isRight ? 0 : 1
}

async function tryClass(
  one: AttackClass,
  world: World,
  drawn: ReadonlyMap<string, string[]> | undefined,
  say: (line: string) => void,
): Promise<Report> {
  for (const { name, notYet } of one.attacks)
    if (notYet !== undefined) say(`${one.name}: not yet tried, until there is ${notYet}: ${name}`)
  const begun = performance.now()
  const report = {
    class: one.name,
    results: await tryAttacks(one, world, values.attack ?? drawn?.get(one.name)),
    convicted: false,
  }
  const seconds = (performance.now() - begun) / 1000
  say(`${reportLine(report, Number(values.slow))} (${seconds.toFixed(1)} s)`)
  return report
}
