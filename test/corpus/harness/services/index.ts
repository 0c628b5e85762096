import { setTimeout } from 'node:timers/promises'
import { aws } from './aws.ts'
import { mysql } from './mysql.ts'
import { postgres } from './postgres.ts'
import { redis } from './redis.ts'
import type { Service, Space } from './service.ts'

export const SERVICES = { aws, mysql, postgres, redis } satisfies Record<string, Service>
export type ServiceName = keyof typeof SERVICES

const missing = new Map<ServiceName, Promise<string | undefined>>()

/** Why one of the services cannot be used here, or undefined. Each is asked once per run. */
export async function missingService(names: readonly ServiceName[]): Promise<string | undefined> {
  for (const name of names) {
    const answer = missing.get(name) ?? SERVICES[name].missing()
    missing.set(name, answer)
    const why = await answer
    if (why !== undefined) return `${name}: ${why}`
  }
  return undefined
}

/** A space of each service, with the variables of all. */
export async function openSpaces(names: readonly ServiceName[], space: string): Promise<Space> {
  const spaces = await Promise.all(names.map((name) => SERVICES[name].open(space)))
  return {
    variables: Object.assign({}, ...spaces.map(({ variables }) => variables)) as Record<string, string>,
    async close() {
      await Promise.all(spaces.map(removed))
    },
  }
}

const REMOVAL_TRIES = 10

/**
 * Removes a space. Postgres drops no database while a checkpoint fails, for reasons of other databases of
 * that server; what stays in the end is named and makes no answer wrong.
 */
async function removed(space: Space): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await space.close()
    } catch (error) {
      if (tries === REMOVAL_TRIES) return console.error('left behind:', error)
      await setTimeout(1000)
    }
  }
}

/** Ends the servers that this run started. */
export async function stopServices(): Promise<void> {
  for (const service of Object.values<Service>(SERVICES)) await service.stop?.()
}
