import { setTimeout as sleep } from 'node:timers/promises'
import { type Attack, type AttackClass, bounded, harmful, type Outcome } from './attack.ts'
import { appOf } from './cast.ts'
import { Leak, type World } from './world.ts'

/** How one attack ended. */
export interface Result {
  readonly attack: string
  readonly outcome: Outcome
  readonly ms: number
}

/** Milliseconds after which an attack without an end is harmful: more than a slow machine takes for one. */
const END_MS = 240_000
const LEAKED = 'leaked: '

async function attemptOnce(attack: Attack, world: World, app: string): Promise<Outcome> {
  const stop = new AbortController()
  try {
    return await Promise.race([
      attack.run(world, app),
      sleep(END_MS, harmful(`no end after ${END_MS} ms`), { signal: stop.signal }),
    ])
  } catch (error) {
    if (error instanceof Leak) return harmful(LEAKED + error.message)
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
    return harmful(`${error instanceof Error ? error.message : String(error)}${cause}`)
  } finally {
    stop.abort()
  }
}

/** An attack with the app that it has. */
interface Chosen {
  attack: Attack
  app: string
}

/** Groups of attacks that are tried at once. */
function groupsOf(chosen: readonly Chosen[], parallel: number): Chosen[][] {
  const groups: Chosen[][] = []
  for (let index = 0; index < chosen.length; index += parallel)
    groups.push(chosen.slice(index, index + parallel))
  return groups
}

async function timed<Value>(work: () => Promise<Value>): Promise<{ value: Value; ms: number }> {
  const begun = performance.now()
  return { value: await work(), ms: performance.now() - begun }
}

/** The outcome of an attack after whose group `harm` was found: an answer that was cut off may be part of it. */
function withHarm(outcome: Outcome, harm: string | undefined): Outcome {
  if (harm === undefined) return outcome
  return harmful(outcome.result === 'harmful' ? `${outcome.why}; after it, ${harm}` : harm)
}

/** Tries some attacks at once, and looks after them what they have done. */
async function tryGroup(group: readonly Chosen[], world: World): Promise<Result[]> {
  const tries = await Promise.all(
    group.map(({ attack, app }) => timed(() => attemptOnce(attack, world, app))),
  )
  const harm = await world.harmDone()
  if (harm !== undefined && (await world.wasEndedLate())) return tryGroup(group, world)
  return tries.map(({ value, ms }, place) => ({
    attack: (group[place] as Chosen).attack.name,
    ms,
    // To see which of the group it was, try them one at a time (`--attack`).
    outcome: withHarm(value, harm),
  }))
}

/**
 * The first try of an attack that nothing can stop: the process ends once, its app is kept apart by name, and
 * nobody else is blamed. Undefined where the second try is to show that it is in a process of its own.
 */
async function attemptEnding({ attack, app }: Chosen, world: World): Promise<Outcome | undefined> {
  if (attack.endsProcess === 'maybe') world.mayEnd(app)
  const first = await attemptOnce(attack, world, app)
  if (first.result === 'harmful' && first.why.startsWith(LEAKED)) return first
  if (attack.endsProcess !== 'always') await world.comesToRest()
  const ended = attack.endsProcess === 'always' ? await world.processEnds() : await world.harmDone()
  if (ended === undefined)
    return attack.endsProcess === 'always' ? harmful('its code goes on, and nothing ends it') : first
  if (await world.wasEndedLate(app)) return attemptEnding({ attack, app }, world)
  const fault = await world.keepsApart(app)
  return fault === undefined ? undefined : harmful(`${ended}; ${fault}`)
}

/** Attacks that nothing can stop: one after the other, and the second tries together. */
async function tryEnding(chosen: readonly Chosen[], world: World): Promise<Result[]> {
  const results = new Map<Chosen, Result>()
  const again: Chosen[] = []
  for (const one of chosen) {
    const { value: outcome, ms } = await timed(() => attemptEnding(one, world))
    if (outcome === undefined) again.push(one)
    results.set(one, { attack: one.attack.name, ms, outcome: outcome ?? bounded })
  }
  for (const { attack, outcome, ms } of again.length === 0 ? [] : await tryGroup(again, world)) {
    const one = again.find((each) => each.attack.name === attack) as Chosen
    const before = results.get(one) as Result
    const isHarm =
      outcome.result === 'harmful' && /^(leaked: |the shared process|the neighbour)/.test(outcome.why)
    results.set(one, {
      ...before,
      ms: before.ms + ms,
      outcome: isHarm ? harmful(`the second time too: ${outcome.why}`) : bounded,
    })
  }
  return [...results.values()]
}

const prepared = new WeakMap<World, Set<string>>()

async function prepare(one: AttackClass, world: World): Promise<void> {
  const names = prepared.get(world) ?? new Set()
  prepared.set(world, names)
  if (names.has(one.name)) return
  names.add(one.name)
  await one.prepare?.(world)
}

/** Tries attacks of a class in `world`, some at a time, and looks after each group what they have done. */
export async function tryAttacks(
  one: AttackClass,
  world: World,
  only?: readonly string[],
): Promise<Result[]> {
  const { parallel = 6, attacks } = one
  const chosen = attacks
    .map((attack, index) => ({ attack, app: appOf(one, index) }))
    .filter(({ attack }) => attack.notYet === undefined)
    .filter(({ attack }) => only === undefined || only.includes(attack.name))
  await prepare(one, world)
  const results: Result[] = []
  const gentle = chosen.filter(({ attack }) => attack.endsProcess === undefined)
  for (const group of groupsOf(gentle, parallel)) results.push(...(await tryGroup(group, world)))
  const ending = chosen.filter(({ attack }) => attack.endsProcess !== undefined)
  results.push(...(await tryEnding(ending, world)))
  return checkCounted(results, world)
}

/** A limit that an attack says it ran into must be in the metrics, under its name. */
async function checkCounted(results: readonly Result[], world: World): Promise<Result[]> {
  if (!results.some(({ outcome }) => outcome.result === 'bounded' && outcome.by !== undefined))
    return [...results]
  const hits = await world.hits()
  return results.map((result) => {
    const by = result.outcome.result === 'bounded' ? result.outcome.by : undefined
    if (by === undefined || (hits.get(`${by.app} ${by.limit}`) ?? 0) > 0) return result
    return { ...result, outcome: harmful(`the limit ${by.limit} of ${by.app} is not in the metrics`) }
  })
}
