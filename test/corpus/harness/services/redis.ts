import { Redis } from 'ioredis'
import type { Service } from './service.ts'

const SERVER = process.env['CORPUS_REDIS_URL'] ?? 'redis://127.0.0.1:6379'

async function connected<Result>(work: (redis: Redis) => Promise<Result>): Promise<Result> {
  const redis = new Redis(SERVER, { lazyConnect: true, connectTimeout: 5000, retryStrategy: () => null })
  // Without a listener the client prints what the caller is told anyway.
  redis.on('error', () => {})
  try {
    await redis.connect()
    return await work(redis)
  } finally {
    redis.disconnect()
  }
}

/** Redis: keys of one prefix (`REDIS_PREFIX`) for each app and target, at `REDIS_URL`. */
export const redis: Service = {
  async missing() {
    try {
      await connected((client) => client.ping())
      return undefined
    } catch (error) {
      return `no Redis at ${SERVER} (CORPUS_REDIS_URL names another): ${String(error)}`
    }
  },
  open(space) {
    const prefix = `${space}:`
    return Promise.resolve({
      variables: { REDIS_URL: SERVER, REDIS_PREFIX: prefix },
      close: () =>
        connected(async (client) => {
          const keys = await client.keys(`${prefix}*`)
          if (keys.length > 0) await client.del(keys)
        }),
    })
  },
}
