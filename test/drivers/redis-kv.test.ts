import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe } from 'vitest'
import { kv, type RedisOptions, strongKv } from '../../adapters/drivers/redis/index.ts'
import type { DriverContext } from '../../core/bindings/drivers.ts'
import { driverContext, type Harness } from './contracts/harness.ts'
import { kvContract } from './contracts/kv.ts'
import { strongKvContract } from './contracts/strong-kv.ts'
import { redisInstalled, type RedisServer, startRedis } from './redis-server.ts'

let server: RedisServer
if (!redisInstalled) console.warn('redis kv driver: skipped, redis-server is not installed')

async function harness<Driver extends { close?(): Promise<void> | void }>(
  create: (options: RedisOptions, context: DriverContext) => Driver | Promise<Driver>,
): Promise<Harness<Driver>> {
  const prefix = randomUUID()
  const opened: Driver[] = []
  return {
    async open(options = {}) {
      const driver = await create({ url: server.url, prefix }, driverContext(options))
      opened.push(driver)
      return driver
    },
    async dispose() {
      for (const driver of opened) await driver.close?.()
    },
  }
}

describe.runIf(redisInstalled)('with a server', () => {
  beforeAll(async () => {
    server = await startRedis(['--appendonly', 'no'])
  })
  afterAll(() => server.stop())

  kvContract('redis', () => harness((options, context) => kv(options, context)))
  strongKvContract('redis', () => harness((options, context) => strongKv(options, context)))
  kvContract('redis (strong)', () => harness((options, context) => strongKv(options, context)))
})
