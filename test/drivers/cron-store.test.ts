import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cronStore as memory } from '../../adapters/drivers/memory/cron/index.ts'
import { cronStore as onPostgres } from '../../adapters/drivers/postgres/cron/index.ts'
import { cronStore as onRedis } from '../../adapters/drivers/redis/cron/index.ts'
import { cronStore as sqlite } from '../../adapters/drivers/sqlite/cron/index.ts'
import { type CronStore, KEEP_SECONDS } from '../../core/runtime/cron-store.ts'
import { accepts } from '../../core/tools/conformance/backends/server-process.ts'
import { PATIENCE } from '../patience.ts'
import { driverContext, failure } from './contracts/harness.ts'

const POSTGRES = process.env['UNMOOR_TEST_POSTGRES'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'
const REDIS = process.env['UNMOOR_TEST_REDIS'] ?? 'redis://127.0.0.1:6379'
const T1 = Date.UTC(2026, 0, 1, 3)
const T2 = T1 + 60_000

interface Backend {
  /** As another process of `app` would. */
  open(app?: string): Promise<CronStore>
  dispose(): Promise<void>
}

const backends: Record<string, { available: boolean; create(): Promise<Backend> }> = {
  memory: {
    available: true,
    async create() {
      const stores = new Map<string, CronStore>()
      return {
        async open(app = 'test') {
          const store = stores.get(app) ?? (await memory({}, driverContext({ app })))
          stores.set(app, store)
          return store
        },
        async dispose() {},
      }
    },
  },
  sqlite: {
    available: true,
    async create() {
      const dataDir = await mkdtemp(join(tmpdir(), 'unmoor-crons-'))
      return opened(
        (app) => sqlite({ path: join(dataDir, 'crons.sqlite') }, driverContext({ app }, { dataDir })),
        () => rm(dataDir, { recursive: true }),
      )
    },
  },
  postgres: {
    available: await answers(POSTGRES, 5432),
    async create() {
      const schema = `unmoor_crons_${randomUUID().replaceAll('-', '')}`
      return opened(
        (app) => onPostgres({ url: POSTGRES, schema }, driverContext({ app })),
        async () => {
          const admin = postgres(POSTGRES, { max: 1, onnotice: () => {} })
          await admin.unsafe(`DROP SCHEMA ${schema} CASCADE`)
          await admin.end()
        },
      )
    },
  },
  redis: {
    available: await answers(REDIS, 6379),
    async create() {
      const prefix = `unmoor-crons-${randomUUID()}`
      return opened(
        (app) => onRedis({ url: REDIS, prefix }, driverContext({ app })),
        async () => {
          const { Redis } = await import('iovalkey')
          const admin = new Redis(REDIS)
          const keys = await admin.keys(`${prefix}*`)
          if (keys.length > 0) await admin.del(...keys)
          admin.disconnect()
        },
      )
    },
  },
}

function opened(open: (app: string) => CronStore | Promise<CronStore>, remove: () => Promise<void>): Backend {
  const stores: CronStore[] = []
  return {
    async open(app = 'test') {
      const store = await open(app)
      stores.push(store)
      return store
    },
    async dispose() {
      for (const store of stores) await store.close?.()
      await remove()
    },
  }
}

function answers(url: string, port: number): Promise<boolean> {
  const { hostname, port: given } = new URL(url)
  return accepts(Number(given || port), hostname)
}

for (const [name, { available, ...make }] of Object.entries(backends)) {
  if (!available) console.warn(`cron store ${name}: skipped, no server answers`)
  describe.runIf(available)(`cron store ${name}`, () => {
    let backend: Backend
    let a: CronStore
    let b: CronStore
    beforeEach(async () => {
      backend = await make.create()
      a = await backend.open()
      b = await backend.open()
    })
    afterEach(() => backend.dispose())

    it('gives one time to one of many at once', async () => {
      const stores = await Promise.all(Array.from({ length: 8 }, () => backend.open()))
      const claims = await Promise.all(
        stores.flatMap((store, index) => [
          store.claim('tick', T1, `x${index}`, 30),
          store.claim('tick', T1, `y${index}`, 30),
        ]),
      )
      expect(claims.filter(({ state }) => state === 'claimed')).toEqual([{ state: 'claimed', attempt: 1 }])
      expect(claims.filter(({ state }) => state === 'taken')).toHaveLength(15)
      const { seconds } = claims.find(({ state }) => state === 'taken') as { seconds: number }
      expect(seconds).toBeGreaterThan(0)
      expect(seconds).toBeLessThanOrEqual(30)
    })

    it('lets a claim be asked for again with its own lease', async () => {
      expect(await a.claim('tick', T1, 'mine', 30)).toEqual({ state: 'claimed', attempt: 1 })
      expect(await a.claim('tick', T1, 'mine', 30)).toEqual({ state: 'claimed', attempt: 1 })
    })

    it('keeps times, crons and apps apart', async () => {
      const other = await backend.open('other app')
      for (const claim of [
        a.claim('tick', T1, 'l1', 30),
        b.claim('tick', T2, 'l2', 30),
        b.claim('t/ck é', T1, 'l3', 30),
        other.claim('tick', T1, 'l4', 30),
      ])
        expect((await claim).state).toBe('claimed')
      expect((await a.open('tick')).map(({ scheduledTime }) => scheduledTime)).toEqual([T1, T2])
    })

    it('gives a time whose lease ran out to the next one, and counts that', async () => {
      await a.claim('tick', T1, 'dead', 0.2)
      await expect.poll(() => b.open('tick'), PATIENCE).toEqual([{ scheduledTime: T1, held: false }])
      expect(await b.claim('tick', T1, 'next', 30)).toEqual({ state: 'claimed', attempt: 2 })
      expect(await a.extend('tick', T1, 'dead', 30)).toBe(false)
      expect(await b.open('tick')).toEqual([{ scheduledTime: T1, held: true }])
    })

    it('extends a lease, and frees it at once with 0 seconds', async () => {
      await a.claim('tick', T1, 'mine', 30)
      expect(await a.extend('tick', T1, 'mine', 300)).toBe(true)
      const other = await b.claim('tick', T1, 'other', 30)
      // More is left than the claim had.
      expect(other.state === 'taken' && other.seconds > 30).toBe(true)
      expect(await a.extend('tick', T1, 'mine', 0)).toBe(true)
      expect(await b.claim('tick', T1, 'other', 30)).toEqual({ state: 'claimed', attempt: 2 })
    })

    it('gives nobody what is done, also where the lease had passed on', async () => {
      await a.claim('tick', T1, 'slow', 0)
      await b.claim('tick', T1, 'second', 30)
      await a.finish('tick', T1)
      expect(await b.extend('tick', T1, 'second', 30)).toBe(false)
      expect(await b.claim('tick', T1, 'third', 30)).toEqual({ state: 'done' })
      expect(await a.open('tick')).toEqual([])
      await a.finish('tick', T1)
    })

    it('knows the newest time, done or not, and forgets old ones that are done only', async () => {
      expect(await a.latest('tick')).toBeUndefined()
      await a.claim('tick', T1, 'old', 30)
      await a.claim('tick', T2, 'kept open', 30)
      await a.finish('tick', T1)
      expect(await b.latest('tick')).toBe(T2)
      const later = T2 + KEEP_SECONDS * 1000 + 60_000
      await b.claim('tick', later, 'new', 30)
      await b.finish('tick', later)
      expect(await a.latest('tick')).toBe(later)
      expect((await a.open('tick')).map(({ scheduledTime }) => scheduledTime)).toEqual([T2])
      expect((await a.claim('tick', T1, 'again', 30)).state).toBe('claimed')
    })
  })
}

describe('a cron store that cannot be had', () => {
  it('names what to set', async () => {
    expect(
      (
        await failure(
          Promise.resolve().then(() => onPostgres({}, driverContext({ binding: 'cronStore' }))),
          'NotFound',
        )
      ).message,
    ).toContain('DATABASE_URL')
    expect(
      (
        await failure(
          Promise.resolve().then(() => onRedis({}, driverContext({ binding: 'cronStore' }))),
          'NotFound',
        )
      ).message,
    ).toContain('REDIS_URL')
  })

  it('fails as Unavailable while its server is away', async () => {
    const store = await onPostgres(
      { url: 'postgres://postgres@127.0.0.1:1/none', connectTimeout: 1 },
      driverContext({}),
    )
    await failure(store.claim('tick', T1, 'x', 30), 'Unavailable')
    await store.close?.()
  })
})
