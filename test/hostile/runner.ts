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

/** Milliseconds after which an attack that has no end counts as harmful. */
const END_MS = 60_000
const LEAKED = 'leaked: '

async function attempt(attack: Attack, world: World, app: string): Promise<{ outcome: Outcome; ms: number }> {
  const begun = performance.now()
  const outcome = await (attack.endsProcess === undefined ? attemptOnce : attemptEnding)(attack, world, app)
  return { outcome, ms: performance.now() - begun }
}

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

/** Groups the attacks that are tried at once; one that may end the process is alone. */
function groupsOf<T extends { attack: Attack }>(chosen: readonly T[], parallel: number): T[][] {
  const gentle = chosen.filter(({ attack }) => attack.endsProcess === undefined)
  const groups: T[][] = []
  for (let index = 0; index < gentle.length; index += parallel)
    groups.push(gentle.slice(index, index + parallel))
  return [...groups, ...chosen.filter(({ attack }) => attack.endsProcess !== undefined).map((one) => [one])]
}

/**
 * An attack that nothing can stop: the process ends once, its app is kept apart by name, nobody else is
 * blamed, and the second time it is in a process of its own.
 */
async function attemptEnding(attack: Attack, world: World, app: string): Promise<Outcome> {
  const first = await attemptOnce(attack, world, app)
  if (first.result === 'harmful' && first.why.startsWith(LEAKED)) return first
  const ended = attack.endsProcess === 'always' ? await world.processEnds() : await world.harmDone()
  if (ended === undefined)
    return attack.endsProcess === 'always' ? harmful('its code goes on, and nothing ends it') : first
  const fault = await world.keepsApart(app)
  if (fault !== undefined) return harmful(`${ended}; ${fault}`)
  const again = await attemptOnce(attack, world, app)
  if (again.result === 'harmful' && again.why.startsWith(LEAKED)) return again
  const harm = await world.harmDone()
  return harm === undefined ? bounded : harmful(`the second time too: ${harm}`)
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
  await one.prepare?.(world)
  const results: Result[] = []
  for (const group of groupsOf(chosen, parallel)) {
    const outcomes = await Promise.all(group.map(({ attack, app }) => attempt(attack, world, app)))
    const harm = await world.harmDone()
    for (const [place, { attack }] of group.entries()) {
      const { outcome, ms } = outcomes[place] as { outcome: Outcome; ms: number }
      // Trying them one at a time (`--attack`) shows which of the group it was.
      results.push({
        attack: attack.name,
        ms,
        outcome: harm === undefined || outcome.result === 'harmful' ? outcome : harmful(harm),
      })
    }
  }
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
