import { existsSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { startHost } from '../../adapters/isolate/host/index.ts'
import { type AttackClass, type Hole, holesOf } from './attack.ts'
import { allBuilt, buildAll } from './builds.ts'
import { plant } from './package-copy.ts'
import type { Report } from './report.ts'
import { type Result, tryAttacks } from './runner.ts'
import { World } from './world.ts'

type Say = (line: string) => void

/** Classes by the host that they need. */
export function byHost(classes: readonly AttackClass[]): AttackClass[][] {
  return [...Map.groupBy(classes, ({ host }) => host).values()]
}

/** A hole and the class whose judge must see it. */
export interface Planted {
  one: AttackClass
  hole: Hole
}

/** Holes that are in one copy: those of classes that share a host, but for those that may harm more. */
export function copiesOf(classes: readonly AttackClass[]): Planted[][] {
  return byHost(classes).flatMap((group) => {
    const all = group.flatMap((one) => holesOf(one).map((hole): Planted => ({ one, hole })))
    return [...Map.groupBy(all, ({ hole }) => (hole.alone === true ? placeOf(hole) : '')).values()]
  })
}

const placeOf = ({ file, from, to }: Hole): string => `${file} ${from} ${to}`

/**
 * Tries classes once more against a copy of the package with their holes: their judges must see them. If the
 * copy cannot be made or does not start, halves of its holes are tried apart, so that a bad hole costs its own
 * class only.
 */
export async function tryHoles(
  planted: readonly Planted[],
  reports: ReadonlyMap<string, Report>,
  say: Say,
): Promise<void> {
  const opened = await openCopy(planted).catch((error: unknown) => String(error))
  if (typeof opened !== 'string') {
    await using copy = opened
    for (const one of planted) await tryHole(one, reports, copy.world, say)
    return
  }
  const halves = halvesOf(planted)
  if (halves !== undefined) {
    say(`a copy with ${planted.length} holes does not start, so halves of them are tried apart: ${opened}`)
    for (const half of halves) await tryHoles(half, reports, say)
    return
  }
  for (const { one, hole } of planted)
    say(`${one.name}: the hole "${hole.is}" was NOT CONVICTED: its copy does not start: ${opened}`)
}

/** Halves of the holes, each with the classes that have it; undefined if there is one hole only. */
function halvesOf(planted: readonly Planted[]): [Planted[], Planted[]] | undefined {
  const places = [...new Set(planted.map(({ hole }) => placeOf(hole)))]
  if (places.length < 2) return undefined
  const first = new Set(places.slice(0, places.length / 2))
  return [
    planted.filter(({ hole }) => first.has(placeOf(hole))),
    planted.filter(({ hole }) => !first.has(placeOf(hole))),
  ]
}

/** Starts a host of a copy of the package with these holes. */
async function openCopy(planted: readonly Planted[]): Promise<AsyncDisposable & { world: World }> {
  // Classes may have the same hole.
  const holes = new Map(planted.map(({ hole }) => [placeOf(hole), hole]))
  await using made = new AsyncDisposableStack()
  const copy = made.use(await plant(...holes.values()))
  const only = new Map(
    [...Map.groupBy(planted, ({ one }) => one.name)].map(([name, all]) => [
      name,
      all.flatMap(({ hole }) => hole.attacks),
    ]),
  )
  const there = new Set(planted.map(({ one }) => one))
  const world = made.use(await World.open([...there], copy.startHost, await planted[0]?.one.host?.(), only))
  const all = made.move()
  return { world, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

async function tryHole(
  { one, hole }: Planted,
  reports: ReadonlyMap<string, Report>,
  world: World,
  say: Say,
): Promise<void> {
  const begun = performance.now()
  // A judge that fails must not keep the holes after it from being tried.
  const { convicts, text } = await convict(one, hole, world).catch((error: unknown) => ({
    convicts: false,
    text: String(error),
  }))
  if (convicts) (reports.get(one.name) as Report).convicted++
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  say(
    `${one.name}: the hole "${hole.is}" was ${convicts ? 'convicted' : 'NOT CONVICTED'} (${text}) (${seconds} s)`,
  )
}

/** Tries the attacks of a hole, one after the other until the judge has seen it. */
async function convict(
  one: AttackClass,
  hole: Hole,
  world: World,
): Promise<{ convicts: boolean; text: string }> {
  const all: Result[] = []
  for (const attack of hole.attacks)
    for (const result of await tryAttacks(one, world, [attack])) {
      const { outcome } = result
      if (outcome.result === 'harmful' && hole.why.test(outcome.why))
        return { convicts: true, text: outcome.why.slice(0, 160) }
      all.push(result)
    }
  return { convicts: false, text: JSON.stringify(all) }
}

/** What this machine lacks for processes that are kept apart from it; undefined where they can be. */
function guardLacks(): string | undefined {
  if (process.platform !== 'linux') return 'Linux'
  if (process.getuid?.() !== 0) return 'root'
  return ['/usr/bin/setpriv', '/bin/setpriv'].some(existsSync) ? undefined : 'setpriv'
}

/** Tries one attack of each class on a host under `guard`. False where one was harmful. */
export async function tryGuarded(classes: readonly AttackClass[], say: Say): Promise<boolean> {
  const lack = guardLacks()
  if (lack !== undefined) {
    say(`guard: skipped, this machine has no ${lack}`)
    return true
  }
  const each = classes
    .filter(({ host }) => host === undefined)
    .map((one) => ({ ...one, attacks: one.attacks.slice(0, 1) }))
  // The other user reads the artifacts.
  await buildAll()
  for (const dir of await allBuilt()) await chmod(dir, 0o755)
  await using world = await World.open(each, startHost, {
    guard: {
      user: 'nobody',
      permission: true,
      wrapper: ['setpriv', '--no-new-privs', '--pdeathsig', 'KILL'],
    },
  })
  let held = true
  for (const one of each) {
    for (const { attack, outcome } of await tryAttacks(one, world)) {
      if (outcome.result !== 'harmful') continue
      held = false
      say(`guard: harmful: ${one.name}: ${attack}: ${outcome.why}`)
    }
  }
  say(`guard: one attack of each of ${each.length} classes ${held ? 'did no harm' : 'did HARM'}`)
  return held
}
