import { randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, test } from 'vitest'
import { buildApp } from '../../core/tools/build/build.ts'
import { accepts } from '../../core/tools/conformance/backends/server-process.ts'
import type { DriverSpec } from '../../core/adapter.ts'
import { admin, postgresAnswers, uniqueName, URL_OF_SERVER } from '../drivers/postgres-server.ts'
import { redisInstalled, type RedisServer, startRedis } from '../drivers/redis-server.ts'
import { PATIENCE } from '../patience.ts'
import { tempProject } from '../unit/temp-project.ts'

const LOG = { info() {}, warn() {} }
const hasPostgres = await postgresAnswers('bindings of existing Workers')
const redis: RedisServer | undefined = redisInstalled ? await startRedis() : undefined
afterAll(async () => {
  await admin.end()
  await redis?.stop()
})

const WORKER = `
export default {
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/limit') return Response.json(await env.LIMITER.limit({ key: searchParams.get('key') }))
    if (pathname === '/points') {
      const answers = []
      for (const point of await request.json()) {
        try {
          answers.push(String(env.POINTS.writeDataPoint(point ?? undefined)))
        } catch (error) {
          answers.push(error.name + ': ' + error.message)
        }
      }
      ctx.waitUntil(Promise.resolve().then(() => env.POINTS.writeDataPoint({ indexes: ['later'] })))
      return Response.json(answers)
    }
    const name = 'cf-connecting-ip'
    const seen = [request.headers, request.clone().headers, new Request(request).headers].map((headers) => headers.get(name))
    return Response.json({ seen, listed: [...request.headers].filter(([one]) => one === name), real: request.headers.get('x-real-ip') })
  },
}
`

interface Running extends AsyncDisposable {
  readonly url: string
  get(path: string, headers?: Record<string, string>): Promise<Record<string, unknown>>
}

/** Builds the Worker with these drivers, and starts it so many times over data of one folder. */
async function startWorkers(
  target: string,
  drivers: Record<string, DriverSpec>,
  { options = {}, variables = {}, count = 1, name = 'bindings' } = {},
): Promise<AsyncDisposable & { dataDir: string; workers: [Running, ...Running[]] }> {
  const project = await tempProject({
    'src/index.js': WORKER,
    'wrangler.jsonc': JSON.stringify({
      name,
      main: 'src/index.js',
      compatibility_date: '2026-07-01',
      ratelimits: [{ name: 'LIMITER', namespace_id: '1', simple: { limit: 5, period: 60 } }],
      analytics_engine_datasets: [{ binding: 'POINTS', dataset: 'page_views' }],
    }),
  })
  const built = await buildApp({
    projectDir: project.dir,
    target,
    worker: 'wrangler.jsonc',
    config: { drivers: { points: 'sqlite', ...drivers }, targets: { [target]: { options } } },
    log: LOG,
  })
  const dataDir = join(project.dir, 'data')
  const start = async (): Promise<Running> => {
    const running = await built.adapter.start({
      dir: built.outDir,
      info: built.info,
      dataDir,
      port: 0,
      variables,
      log: LOG,
    })
    return {
      url: running.url,
      get: async (path, headers = {}) =>
        (await (await fetch(`${running.url}${path}`, { headers })).json()) as Record<string, unknown>,
      [Symbol.asyncDispose]: () => running.stop(),
    }
  }
  const workers: [Running, ...Running[]] = [await start()]
  for (let at = 1; at < count; at++) workers.push(await start())
  return {
    dataDir,
    workers,
    async [Symbol.asyncDispose]() {
      for (const worker of workers) await worker[Symbol.asyncDispose]()
      await project[Symbol.asyncDispose]()
    },
  }
}

const IN_MEMORY = { points: { driver: 'sqlite', path: ':memory:' } }

describe.each(['node', 'isolate', 'lambda'])('a Worker on %s', (target) => {
  test(
    'reads its client from cf-connecting-ip, whatever the client says of itself',
    { timeout: 60_000 },
    async () => {
      await using running = await startWorkers(target, IN_MEMORY)
      const [worker] = running.workers
      const own = {
        seen: ['127.0.0.1', '127.0.0.1', '127.0.0.1'],
        listed: [['cf-connecting-ip', '127.0.0.1']],
      }
      expect(await worker.get('/')).toMatchObject(own)
      const forged = { 'CF-Connecting-IP': '6.6.6.6', 'x-forwarded-for': '6.6.6.6', 'x-real-ip': '6.6.6.6' }
      // As under wrangler dev, other headers are the client's own.
      expect(await worker.get('/', forged)).toMatchObject({ ...own, real: '6.6.6.6' })
    },
  )

  test('reads the client of a trusted proxy from cf-connecting-ip', { timeout: 60_000 }, async () => {
    await using running = await startWorkers(target, IN_MEMORY, { options: { trustProxy: true } })
    const [worker] = running.workers
    const headers = { 'cf-connecting-ip': '6.6.6.6', 'x-forwarded-for': '6.6.6.6, 10.1.2.3' }
    expect(await worker.get('/', headers)).toMatchObject({ seen: ['10.1.2.3', '10.1.2.3', '10.1.2.3'] })
  })
})

/** How many of many calls at both processes are allowed. One after the other: Lambda has a process per call at once. */
async function allowed(workers: readonly Running[], key: string): Promise<number> {
  const counts = workers.map(async (worker) => {
    let count = 0
    for (let call = 0; call < 8; call++)
      if ((await worker.get(`/limit?key=${key}`))['success'] === true) count++
    return count
  })
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
}

describe('rate limits of a Worker', () => {
  test('count per process where no driver is named', { timeout: 60_000 }, async () => {
    await using running = await startWorkers('node', IN_MEMORY, { count: 2 })
    expect(await allowed(running.workers, 'a')).toBe(10)
  })

  test.runIf(redis !== undefined).each(['node', 'isolate', 'lambda'])(
    'are shared by two processes through Redis, on %s',
    { timeout: 60_000 },
    async (target) => {
      const { url } = redis as RedisServer
      const limiter = { driver: 'redis', url: { env: 'LIMITS' }, prefix: randomUUID() }
      const options = { count: 2, variables: { LIMITS: url } }
      await using running = await startWorkers(target, { ...IN_MEMORY, limiter }, options)
      expect(await allowed(running.workers, 'a')).toBe(5)
      expect(await allowed(running.workers, 'b')).toBe(5)
    },
  )

  test.runIf(hasPostgres).each(['node', 'isolate', 'lambda'])(
    'are shared by two processes through Postgres, on %s',
    { timeout: 60_000 },
    async (target) => {
      const schema = uniqueName()
      try {
        const limiter = { driver: 'postgres', url: URL_OF_SERVER, schema }
        await using running = await startWorkers(target, { ...IN_MEMORY, limiter }, { count: 2 })
        expect(await allowed(running.workers, 'a')).toBe(5)
        expect(await allowed(running.workers, 'b')).toBe(5)
      } finally {
        await admin.unsafe(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
      }
    },
  )
})

const POINTS = [
  { indexes: ['ü'.repeat(48)], blobs: ['/a', null, 'it\u0000is'], doubles: [1.5, '2', null, true, -0.25] },
  null,
  {
    blobs: Array.from({ length: 20 }, (_, at) => `b${at + 1}`),
    doubles: Array.from({ length: 20 }, (_, at) => at + 1),
  },
  // Over a limit: dropped, and no error.
  { indexes: ['x'.repeat(97)] },
  { indexes: ['a', 'b'] },
  { blobs: Array(21).fill('') },
  { doubles: Array(21).fill(0) },
  { blobs: ['x'.repeat(16 * 1024), 'y'] },
  // A value of another type is an error, as on workerd.
  { blobs: 'a' },
  5,
]
const ANSWERS = [
  ...Array(8).fill('undefined'),
  "TypeError: Incorrect type for the 'blobs' field on 'AnalyticsEngineEvent': the provided value is not of type 'Array'.",
  "TypeError: Failed to execute 'writeDataPoint' on 'AnalyticsEngine': parameter 1 is not of type 'AnalyticsEngineEvent'.",
]

async function writePoints({ url }: Running): Promise<void> {
  const response = await fetch(`${url}/points`, { method: 'POST', body: JSON.stringify(POINTS) })
  expect(await response.json()).toEqual(ANSWERS)
}

/** What the table has to have, in the order of writing. */
function checkRows(rows: readonly Record<string, unknown>[]): void {
  expect(rows).toHaveLength(4)
  const [first, empty, full, later] = rows as [Record<string, unknown>, ...Record<string, unknown>[]]
  expect(first).toMatchObject({
    dataset: 'page_views',
    _sample_interval: 1,
    index1: 'ü'.repeat(48),
    blob1: '/a',
    blob2: '',
    blob3: 'it\u{fffd}is',
    blob4: '',
    double1: 1.5,
    double2: 2,
    double3: 0,
    double4: 1,
    double5: -0.25,
    double6: 0,
  })
  expect(empty).toMatchObject({ index1: '', blob1: '', blob20: '', double1: 0, double20: 0 })
  expect(full).toMatchObject({ blob1: 'b1', blob20: 'b20', double1: 1, double20: 20 })
  expect(later).toMatchObject({ index1: 'later' })
  const age = Date.now() - Number(first['at']) * 1000
  expect(age).toBeGreaterThanOrEqual(0)
  expect(Object.keys(first)).toHaveLength(45)
}

describe('data points of a Worker', () => {
  test.each(['node', 'isolate'])(
    'become rows of a table in SQLite, on %s',
    { timeout: 60_000 },
    async (target) => {
      await using running = await startWorkers(target, {})
      await writePoints(running.workers[0])
      const files = async (): Promise<string[]> =>
        (await readdir(running.dataDir, { recursive: true })).filter((name) =>
          name.endsWith('sql-points.sqlite'),
        )
      await expect.poll(files, PATIENCE).toHaveLength(1)
      const database = new DatabaseSync(join(running.dataDir, (await files())[0] as string), {
        readOnly: true,
      })
      try {
        const rows = (): Record<string, unknown>[] => {
          try {
            return database
              .prepare(`SELECT *, unixepoch(timestamp) AS at FROM page_views ORDER BY rowid`)
              .all()
          } catch {
            return []
          }
        }
        await expect.poll(() => rows().length, PATIENCE).toBe(4)
        checkRows(rows())
      } finally {
        database.close()
      }
    },
  )

  test.runIf(hasPostgres).each(['node', 'isolate', 'lambda'])(
    'become rows of a table in Postgres, which two processes make at once, on %s',
    { timeout: 60_000 },
    async (target) => {
      const schema = uniqueName()
      try {
        const points = { driver: 'postgres', url: URL_OF_SERVER, schema }
        await using running = await startWorkers(target, { points }, { count: 2 })
        await admin.unsafe(`CREATE SCHEMA IF NOT EXISTS ${schema}`)
        const [first, second] = running.workers
        const [, limit] = await Promise.all([
          writePoints(first),
          fetch(`${(second as Running).url}/points`, { method: 'POST', body: '[]' }),
        ])
        expect(limit.status).toBe(200)
        const rows = async (): Promise<Record<string, unknown>[]> =>
          admin
            .unsafe(`SELECT *, extract(epoch FROM timestamp) AS at FROM ${schema}.page_views`)
            .catch(() => []) as Promise<Record<string, unknown>[]>
        await expect.poll(async () => (await rows()).length, PATIENCE).toBe(5)
        const found = await rows()
        // The other process wrote one of its own.
        const own = found.findIndex(({ index1 }) => index1 === 'later')
        checkRows(found.toSpliced(own, 1).toSorted((a, b) => rank(a) - rank(b)))
      } finally {
        await admin.unsafe(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
      }
    },
  )

  test(
    'nobody waits for, and nobody hears of, a database that is not there',
    { timeout: 60_000 },
    async () => {
      const points = { driver: 'postgres', url: 'postgres://nobody@127.0.0.1:1/none', connectTimeout: 1 }
      expect(await accepts(1, '127.0.0.1')).toBe(false)
      await using running = await startWorkers('node', { points })
      await writePoints(running.workers[0])
    },
  )
})

/** The order of writing. */
function rank(row: Record<string, unknown>): number {
  return row['index1'] === 'later' ? 3 : row['blob1'] === 'b1' ? 2 : row['index1'] === '' ? 1 : 0
}
