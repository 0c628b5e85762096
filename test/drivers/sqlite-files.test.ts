import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { kv, queue, sql } from '../../adapters/drivers/sqlite/index.ts'
import { queue as declareQueue } from '../../core/bindings/declarations.ts'
import type { DriverContext, QueueDriver } from '../../core/bindings/drivers.ts'
import { driverContext, failure, type OpenOptions, pattern } from './contracts/harness.ts'
import { expectNothingLost } from './queue-kills.ts'
import { PATIENCE } from '../patience.ts'

const CHILD = new URL('sqlite-child.ts', import.meta.url).pathname
const HOOKS = new URL('../built-hooks.ts', import.meta.url).href

describe('sqlite files', () => {
  let dataDir: string
  const context = (options: OpenOptions = {}): DriverContext => driverContext(options, { dataDir })
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'unmoor-sqlite-'))
  })
  afterEach(() => rm(dataDir, { recursive: true, force: true }))

  const start = (...args: string[]): ChildProcess =>
    spawn(process.execPath, ['--import', HOOKS, CHILD, dataDir, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })

  it.each([
    ['random bytes', pattern(8192)],
    ['a damaged header', Buffer.concat([Buffer.from('SQLite format 3\0'), pattern(4080)])],
  ])('a file that is no database (%s) is named, and stays as it was', async (_, content) => {
    await mkdir(join(dataDir, 'test'))
    for (const [file, open] of [
      ['kv-things.sqlite', kv],
      ['sql-things.sqlite', sql],
      ['queues.sqlite', queue],
    ] as const) {
      const path = join(dataDir, 'test', file)
      await writeFile(path, content)
      const error = await failure(
        Promise.resolve().then(async () => open({}, context({ declaration: declareQueue() }))),
        'Internal',
      )
      expect(error.message).toContain(path)
      expect(error.retryable).toBe(false)
      expect(Buffer.compare(await readFile(path), content)).toBe(0)
    }
  })

  it('damage that shows later is named too', async () => {
    const driver = await kv({}, context())
    for (let index = 0; index < 200; index++) await driver.put(`k${index}`, pattern(1000), {})
    await driver.close?.()
    const path = join(dataDir, 'test', 'kv-things.sqlite')
    const bytes = await readFile(path)
    bytes.fill(0xff, 8192)
    await writeFile(path, bytes)
    const again = await kv({}, context())
    const error = await failure(
      (async () => {
        for (let index = 0; index < 200; index++) await again.get(`k${index}`, 'text')
      })(),
      'Internal',
    )
    expect(error.message).toContain(path)
    await again.close?.()
  })

  const rowsOf = (file: DatabaseSync): unknown =>
    file.prepare('SELECT count(*) AS n FROM "kv:test:things"').get()?.['n']

  it('expired entries are removed from the file without another call', async () => {
    const driver = await kv({}, context())
    const expiration = Math.floor(Date.now() / 1000) + 2
    for (let index = 0; index < 1200; index++) await driver.put(`old${index}`, 'v', { expiration })
    for (let index = 0; index < 200; index++) await driver.put(`new${index}`, 'v', {})
    const file = new DatabaseSync(join(dataDir, 'test', 'kv-things.sqlite'))
    await expect.poll(() => rowsOf(file), PATIENCE).toBe(200)
    file.close()
    await driver.close?.()
    // Entries that expired while nobody had the file open go at the next opening.
    const writer = await kv({}, context())
    for (let index = 0; index < 1200; index++)
      await writer.put(`old${index}`, 'v', { expiration: Math.floor(Date.now() / 1000) + 1 })
    await writer.close?.()
    await new Promise((resolve) => setTimeout(resolve, 2000))
    const reader = await kv({}, context())
    const again = new DatabaseSync(join(dataDir, 'test', 'kv-things.sqlite'))
    await expect.poll(() => rowsOf(again), PATIENCE).toBe(200)
    again.close()
    await reader.close?.()
  })

  it('a list passes any number of expired entries, and other work has its turn', async () => {
    let now = Date.now()
    const driver = await kv({}, context({ now: () => now }))
    await driver.put('a', 'v', {})
    const file = new DatabaseSync(join(dataDir, 'test', 'kv-things.sqlite'))
    const expiration = Math.floor(now / 1000) + 60
    file.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 90000)
      INSERT INTO "kv:test:things" (key, value, expiration) SELECT printf('old%06d', i), 'v', ${expiration} FROM n`)
    file.close()
    for (const key of ['old000000', 'old020000+', 'old039999+', 'old040000+', 'old090001', 'z'])
      await driver.put(key, 'v', {})
    const names = async (options: { prefix: string; cursor?: string; limit: number }): Promise<string[]> =>
      (await driver.list(options)).keys.map(({ name }) => name)
    now += 61_000
    let turns = 0
    const counter = setInterval(() => turns++, 0)
    const live = ['old000000', 'old020000+', 'old039999+', 'old040000+', 'old090001']
    expect(await names({ prefix: '', limit: 1000 })).toEqual(['a', ...live, 'z'])
    expect(turns).toBeGreaterThan(0)
    clearInterval(counter)
    expect(await names({ prefix: 'old', limit: 1000 })).toEqual(live)
    const keys: string[] = []
    let cursor: string | undefined
    do {
      const page = await driver.list({ prefix: 'old', limit: 1, ...(cursor === undefined ? {} : { cursor }) })
      keys.push(...page.keys.map(({ name }) => name))
      cursor = page.cursor
    } while (cursor !== undefined)
    expect(keys).toEqual(live)
    await driver.close?.()
  })

  it('an absolute path, one within the data folder, and memory', async () => {
    const absolute = await kv({ path: join(dataDir, 'deep/er/own.sqlite') }, context())
    const relative = await kv({ path: 'deep/er/own.sqlite' }, context({ binding: 'others' }))
    const memory = await kv({ path: ':memory:' }, context())
    await absolute.put('a', '1', {})
    expect(await relative.get('a', 'text')).toBeNull()
    expect(await memory.get('a', 'text')).toBeNull()
    for (const driver of [absolute, relative, memory]) await driver.close?.()
    await failure(
      Promise.resolve().then(() => kv({ path: 'x.sqlite' }, driverContext({}))),
      'InvalidArgument',
    )
  })

  it('a folder that cannot be made is named', async () => {
    await writeFile(join(dataDir, 'file'), '')
    const error = await failure(
      Promise.resolve().then(() => kv({ path: join(dataDir, 'file', 'x.sqlite') }, context())),
      'Unavailable',
    )
    expect(error.message).toContain(join(dataDir, 'file'))
  })

  it('three processes run exclusive work one after the other', async () => {
    const exits = await Promise.all([1, 2, 3].map(() => once(start('exclusive'), 'exit')))
    expect(exits.map(([code]) => code as number)).toEqual([0, 0, 0])
    const driver = await sql({}, context())
    // Each read the count, waited, and wrote it back plus one.
    expect((await driver.query({ text: 'SELECT n FROM counter', params: [] })).rows).toEqual([[3]])
    await driver.close?.()
  })

  it('a send of another process reaches a waiting receive', async () => {
    const driver = await queue({}, context({ binding: 'jobs', declaration: declareQueue() }))
    const waiting = driver.receive?.({
      max: 1,
      leaseSeconds: 30,
      waitSeconds: 20,
      signal: new AbortController().signal,
    })
    const exit = once(start('send', '1'), 'exit')
    expect((await waiting)?.length).toBe(1)
    await exit
    await driver.close?.()
  })

  it('consumers killed with -9 lose no acknowledged message', async () => {
    const producer = await queue(
      {},
      context({ binding: 'jobs', declaration: declareQueue({ maxRetries: 100 }) }),
    )
    await expectNothingLost({ producer, consumer: ['sqlite', '{}', dataDir] })
    await producer.close?.()
  })

  it('a message whose consumer dies at the last delivery goes to the dead-letter queue', async () => {
    let now = Date.now()
    const dead = await queue({}, context({ binding: 'dead', declaration: declareQueue(), now: () => now }))
    const driver = await queue(
      {},
      context({
        binding: 'jobs',
        declaration: declareQueue({ maxRetries: 1, deadLetterQueue: 'dead' }),
        now: () => now,
      }),
    )
    const id = randomUUID()
    await driver.send([{ id, contentType: 'json', body: '1', delaySeconds: 0 }])
    const receive = (from: QueueDriver): ReturnType<NonNullable<QueueDriver['receive']>> | undefined =>
      from.receive?.({ max: 1, leaseSeconds: 10, waitSeconds: 0, signal: new AbortController().signal })
    for (const attempts of [1, 2]) {
      expect(await receive(driver)).toMatchObject([{ id, attempts }])
      now += 11_000
    }
    expect(await receive(driver)).toEqual([])
    expect(await receive(dead)).toMatchObject([{ id, attempts: 1 }])
    await dead.close?.()
    await driver.close?.()
  })
})
