import { afterAll, beforeAll, describe } from 'vitest'
import { kv, strongKv } from '../../adapters/drivers/redis/index.ts'
import { kvContract } from './contracts/kv.ts'
import { strongKvContract } from './contracts/strong-kv.ts'
import { redisHarness, redisInstalled, type RedisServer, startRedis } from './redis-server.ts'

let server: RedisServer
if (!redisInstalled) console.warn('redis kv driver: skipped, redis-server is not installed')

describe.runIf(redisInstalled)('with a server', () => {
  beforeAll(async () => {
    server = await startRedis(['--appendonly', 'no'])
  })
  afterAll(() => server.stop())

  kvContract('redis', () => redisHarness(server.url, (options, context) => kv(options, context)))
  strongKvContract('redis', () => redisHarness(server.url, (options, context) => strongKv(options, context)))
  kvContract('redis (strong)', () =>
    redisHarness(server.url, (options, context) => strongKv(options, context)),
  )
})
