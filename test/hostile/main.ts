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
import { type AttackClass, harmful, holesOf } from './attack.ts'
import { allBuilt } from './builds.ts'
import { CORPUS } from './corpus.ts'
import { draw } from './draw.ts'
import { type Report, reportLine, summarize } from './report.ts'
import { byHost, copiesOf, tryGuarded, tryHoles } from './parts.ts'
import { tryAttacks } from './runner.ts'
import { stopServers } from './servers.ts'
import { World } from './world.ts'

/** Hosts that are attacked at the same time. */
const LANES = 2
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
  const classes =
    values.class === undefined ? CORPUS : CORPUS.filter(({ name }) => values.class?.includes(name))
  const unknown = values.class?.find((name) => !CORPUS.some((one) => one.name === name))
  const part = values.part.find((name) => !PARTS.includes(name))
  if (unknown !== undefined || part !== undefined || (values.attack !== undefined && classes.length !== 1)) {
    console.error(
      `Give --class as one of ${CORPUS.map(({ name }) => name).join(', ')}; --part as one of ` +
        `${PARTS.join(', ')}; --attack together with one --class.`,
    )
    return 2
  }
  const strange = values.attack?.find((name) => !classes[0]?.attacks.some((one) => one.name === name))
  if (strange !== undefined) {
    console.error(`The class ${classes[0]?.name} has no attack "${strange}".`)
    return 2
  }
  const builds = await mkdtemp(join(tmpdir(), 'unmoor-hostile-'))
  process.env['UNMOOR_TEST_BUILDS'] = builds
  try {
    return await run(classes)
  } finally {
    await stopServers()
    for (const dir of [builds, ...(await allBuilt())]) await rm(dir, { recursive: true, force: true })
  }
}

async function run(classes: readonly AttackClass[]): Promise<number> {
  const say = (line: string): void => void (values.json ? process.stderr : process.stdout).write(`${line}\n`)
  const tried: AttackClass[] = []
  for (const one of classes) {
    const lack = await one.lacks?.()
    if (lack === undefined) tried.push(one)
    else say(`${one.name}: skipped, this machine has no ${lack}`)
  }
  const count = values['per-class']
  const drawn = count === undefined ? undefined : draw(tried, Number(count), Number(values.seed))
  if (drawn !== undefined) say(`${count} attacks of each class, drawn by --seed ${values.seed}`)
  const chosen =
    values.attack === undefined ? drawn : new Map([[(tried[0] as AttackClass).name, values.attack]])
  const reports = new Map(
    tried.map((one): [string, Report] => [
      one.name,
      { class: one.name, results: [], holes: holesOf(one).length, convicted: 0 },
    ]),
  )
  let guardHeld = true
  const jobs: (() => Promise<void>)[] = []
  for (const group of byHost(tried)) {
    const own: (() => Promise<void>)[] = []
    if (values.part.includes('corpus')) own.push(() => tryTogether(group, reports, chosen, say))
    if (values.part.includes('planted'))
      for (const planted of copiesOf(group))
        own.push(() =>
          tryHoles(planted, reports, say).catch((error: unknown) => {
            say(`${planted.map(({ one }) => one.name).join(', ')}: the holes failed: ${String(error)}`)
          }),
        )
    // Hosts of one kind may share servers: one after the other.
    if (group[0]?.host === undefined) jobs.push(...own)
    else jobs.push(() => own.reduce((before, job) => before.then(job), Promise.resolve()))
  }
  if (values.part.includes('guard')) jobs.push(async () => void (guardHeld = await tryGuarded(tried, say)))
  const begun = performance.now()
  await inLanes(jobs)
  say(`${((performance.now() - begun) / 1000).toFixed(0)} s in all`)
  const summary = summarize([...reports.values()], values.part.includes('planted'))
  console.log(JSON.stringify(summary))
  const isRight =
    summary.harmful === 0 &&
    guardHeld &&
    (!values.part.includes('planted') || summary.planted.convicted === summary.planted.holes)
  return isRight ? 0 : 1
}

/** Does all of this, some at a time: a host does not use all cores of a machine. */
async function inLanes(jobs: (() => Promise<void>)[]): Promise<void> {
  const lane = async (): Promise<void> => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await job()
  }
  await Promise.all(Array.from({ length: LANES }, lane))
}

/** Tries classes that share a host. One that does not start, or falls apart, is harm. */
async function tryTogether(
  group: readonly AttackClass[],
  reports: ReadonlyMap<string, Report>,
  chosen: ReadonlyMap<string, string[]> | undefined,
  say: (line: string) => void,
): Promise<void> {
  const rest = [...group]
  try {
    await using world = await World.open(group, startHost, await group[0]?.host?.(), chosen)
    for (const one of group) {
      await tryClass(one, reports.get(one.name) as Report, world, chosen?.get(one.name), say)
      rest.shift()
    }
  } catch (error) {
    for (const { name } of rest)
      (reports.get(name) as Report).results = [
        { attack: 'the start', ms: 0, outcome: harmful(String(error)) },
      ]
    say(`${rest.map(({ name }) => name).join(', ')}: not tried: ${String(error)}`)
  }
}

async function tryClass(
  one: AttackClass,
  report: Report,
  world: World,
  only: readonly string[] | undefined,
  say: (line: string) => void,
): Promise<void> {
  for (const { name, notYet } of one.attacks)
    if (notYet !== undefined) say(`${one.name}: not yet tried, until there is ${notYet}: ${name}`)
  const begun = performance.now()
  report.results = await tryAttacks(one, world, only)
  const seconds = (performance.now() - begun) / 1000
  say(`${reportLine(report, Number(values.slow))} (${seconds.toFixed(1)} s)`)
}
