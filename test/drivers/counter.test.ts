import { afterAll, describe, expect, test } from 'vitest'
import { counter as memory } from '../../adapters/drivers/memory/index.ts'
import { counter as postgres } from '../../adapters/drivers/postgres/index.ts'
import { counter as redis } from '../../adapters/drivers/redis/index.ts'
import type { CounterDriver } from '../../core/bindings/drivers.ts'
import { PATIENCE } from '../patience.ts'
import { createHarness, driverContext, type Harness } from './contracts/harness.ts'
import { admin, postgresAnswers, postgresHarness } from './postgres-server.ts'
import { redisHarness, redisInstalled, type RedisServer, startRedis } from './redis-server.ts'

const hasPostgres = await postgresAnswers('counts in postgres')
const server: RedisServer | undefined = redisInstalled ? await startRedis() : undefined
afterAll(async () => {
  await admin.end()
  await server?.stop()
})

const declaration = { kind: 'counter' } as const
const HARNESSES: Record<string, () => Promise<Harness<CounterDriver>>> = {
  memory: async () => createHarness(async (options) => memory({}, driverContext(options))),
  ...(server === undefined
    ? {}
    : { redis: () => redisHarness(server.url, (options, context) => redis(options, context)) }),
  ...(hasPostgres
    ? { postgres: async () => postgresHarness((options, context) => postgres(options, context)) }
    : {}),
}

describe.each(Object.entries(HARNESSES))('counts in %s', (name, create) => {
  test('calls are allowed while the count before them is below the limit', async () => {
    const harness = await create()
    try {
      const driver = await harness.open({ binding: 'limiter', declaration })
      const take = (key: string, amount = 1): Promise<boolean> =>
        driver.take(key, { limit: 3, amount, seconds: 60 })
      expect([await take('a'), await take('a', 5), await take('a'), await take('a')]).toEqual([
        true,
        true,
        false,
        false,
      ])
      for (const key of ['b', '', 'é\0✓', 'k'.repeat(2000)]) expect(await take(key, 3)).toBe(true)
      for (const key of ['b', '', 'é\0✓', 'k'.repeat(2000)]) expect(await take(key)).toBe(false)
    } finally {
      await harness.dispose()
    }
  })

  test('of many calls at once exactly as many are allowed as the limit says', async () => {
    const harness = await create()
    try {
      const drivers = [await harness.open({ binding: 'limiter', declaration })]
      // Two drivers of one binding are two processes to a server. Memory is one process by definition.
      if (name !== 'memory') drivers.push(await harness.open({ binding: 'limiter', declaration }))
      const calls = Array.from({ length: 60 }, (_, at) =>
        (drivers[at % drivers.length] as CounterDriver).take('k', { limit: 20, amount: 1, seconds: 60 }),
      )
      expect((await Promise.all(calls)).filter(Boolean)).toHaveLength(20)
    } finally {
      await harness.dispose()
    }
  })

  test('a window ends by itself, and the next one counts from nothing', async () => {
    const harness = await create()
    try {
      const driver = await harness.open({ binding: 'limiter', declaration })
      const take = (): Promise<boolean> => driver.take('k', { limit: 1, amount: 1, seconds: 0.5 })
      const long = (): Promise<boolean> => driver.take('long', { limit: 1, amount: 1, seconds: 900 })
      await take()
      await long()
      await expect.poll(take, PATIENCE).toBe(true)
      expect(await long()).toBe(false)
    } finally {
      await harness.dispose()
    }
  })

  test('bindings and apps count apart', async () => {
    const harness = await create()
    try {
      const window = { limit: 1, amount: 1, seconds: 60 }
      for (const place of [{}, { binding: 'other' }, { app: 'another' }]) {
        const driver = await harness.open({ binding: 'limiter', declaration, ...place })
        expect(await driver.take('k', window)).toBe(true)
      }
    } finally {
      await harness.dispose()
    }
  })
})

describe.runIf(hasPostgres)('counts in postgres', () => {
  test('counts whose window has ended are removed by later calls', async () => {
    const harness = postgresHarness((options, context) => postgres(options, context))
    try {
      const driver = await harness.open({ binding: 'limiter', declaration })
      for (let key = 0; key < 50; key++)
        await driver.take(`old ${key}`, { limit: 1, amount: 1, seconds: 0.001 })
      // The sweep comes with every 500th call.
      for (let call = 0; call < 500; call++) await driver.take('new', { limit: 1, amount: 1, seconds: 900 })
      const left = async (): Promise<unknown> =>
        (await admin.unsafe(`SELECT count(*)::integer AS n FROM ${harness.schema}.unmoor_counts`))[0]?.['n']
      await expect.poll(left, PATIENCE).toBe(1)
    } finally {
      await harness.dispose()
    }
  })
})
