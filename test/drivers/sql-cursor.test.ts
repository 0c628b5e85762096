import { readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sql as openPostgres } from '../../adapters/drivers/postgres/index.ts'
import { sql as openSqlite } from '../../adapters/drivers/sqlite/index.ts'
import type { SqlCursor, SqlDriver, SqlTransactionDriver } from '../../core/bindings/drivers.ts'
import { Sql } from '../../core/bindings/sql.ts'
import { driverContext, failure } from './contracts/harness.ts'
import { postgresAnswers, URL_OF_SERVER } from './postgres-server.ts'

/** Rows that no memory holds; each is a kilobyte. */
const WIDE = (text: string): string =>
  `WITH RECURSIVE n(i) AS (SELECT 1 AS i UNION ALL SELECT i + 1 AS i FROM n WHERE i < 2000000000)
   SELECT i, ${text} AS t FROM n`

let dataDir: string
let driver: SqlDriver
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'unmoor-cursor-'))
})
afterEach(async () => {
  vi.useRealTimers()
  await driver.close?.()
  await rm(dataDir, { recursive: true, force: true })
})

const cursor = (from: SqlDriver | SqlTransactionDriver, text: string): Promise<SqlCursor> =>
  (from.cursor as NonNullable<SqlDriver['cursor']>)({ text, params: [] })

/** The most rows and bytes of a read, over many. */
async function widest(rows: SqlCursor): Promise<{ rows: number; bytes: number }> {
  const most = { rows: 0, bytes: 0 }
  for (let read = 0; read < 30; read++) {
    const some = await rows.next()
    const bytes = some.reduce((sum, [, text]) => sum + String(text).length, 0)
    Object.assign(most, { rows: Math.max(most.rows, some.length), bytes: Math.max(most.bytes, bytes) })
  }
  return most
}

const openFiles = (): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(dataDir)
    } catch {
      return false
    }
  }).length

describe('sqlite', () => {
  const open = async (options: object = {}): Promise<SqlDriver> =>
    (driver = await openSqlite(options, driverContext({}, { dataDir })))

  it('other work of the event loop has its turn between two reads', async () => {
    await open()
    const rows = await cursor(driver, WIDE("'x'"))
    let turned = false
    await rows.next()
    setImmediate(() => (turned = true))
    await rows.next()
    expect(turned).toBe(true)
    await rows.close()
  })

  it.each([[{}], [{ path: ':memory:' }]])(
    'a read brings at most 100 rows and about 64 KB: %j',
    async (options) => {
      await open(options)
      const narrow = await cursor(driver, WIDE("'x'"))
      expect(await widest(narrow)).toEqual({ rows: 100, bytes: 100 })
      await narrow.close()
      const wide = await cursor(driver, WIDE("printf('%20000c', 'x')"))
      expect(await widest(wide)).toEqual({ rows: 4, bytes: 80_000 })
      await wide.close()
    },
  )

  it('an open cursor holds files that its end, and that of the driver, frees', async () => {
    await open()
    await driver.query({ text: 'CREATE TABLE t (a)', params: [] })
    const before = openFiles()
    const one = await cursor(driver, WIDE("'x'"))
    const other = await cursor(driver, WIDE("'x'"))
    await one.next()
    await other.next()
    expect(openFiles()).toBeGreaterThan(before)
    await one.close()
    // Writers need no turn.
    await driver.query({ text: 'INSERT INTO t VALUES (1)', params: [] })
    await other.close()
    // SQLite keeps a file's descriptor while the process holds a lock on it, and uses it again.
    const kept = openFiles()
    for (let round = 0; round < 20; round++) {
      const rows = await cursor(driver, WIDE("'x'"))
      await rows.next()
      await rows.close()
    }
    expect(openFiles()).toBeLessThanOrEqual(kept)
    await (await cursor(driver, WIDE("'x'"))).next()
    await driver.close?.()
    expect(openFiles()).toBe(0)
    await open()
  })

  it('WITH that writes is refused, and integers are as of other reads', async () => {
    await open()
    await driver.query({ text: 'CREATE TABLE t (a)', params: [] })
    const write = async (): Promise<unknown> => {
      const rows = await cursor(driver, 'WITH n AS (SELECT 1 AS a) INSERT INTO t SELECT a FROM n RETURNING a')
      try {
        return await rows.next()
      } finally {
        await rows.close()
      }
    }
    await failure(write(), 'InvalidArgument')
    expect((await driver.query({ text: 'SELECT count(*) FROM t', params: [] })).rows).toEqual([[0]])
    const big = await cursor(driver, 'SELECT 9007199254740993 AS n')
    await failure(big.next(), 'LimitExceeded')
    await big.close()
    await driver.close?.()
    await open({ integers: 'round' })
    const rounded = await cursor(driver, 'SELECT 9007199254740993 AS n')
    expect(await rounded.next()).toEqual([[9007199254740992]])
    await rounded.close()
  })

  it('rows that nobody asks for are given up after a minute, and say so', async () => {
    await open()
    const db = new Sql(driver, { binding: 'db' })
    const files = openFiles()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const rows = db.each(WIDE("'x'"))
    await rows.next()
    expect(openFiles()).toBeGreaterThan(files)
    await vi.advanceTimersByTimeAsync(60_000)
    const late = async (): Promise<void> => {
      for (let count = 0; count < 200; count++) await rows.next()
    }
    expect((await failure(late(), 'Timeout')).message).toContain('no row was asked for in 60 s')
  })
})

describe.runIf(await postgresAnswers('cursors'))('postgres', () => {
  it('a read brings at most 100 rows and about 64 KB, in and out of a transaction; its end gives the connection back', async () => {
    const name = `unmoor_cursor_${process.pid}`
    driver = await openPostgres(
      { url: `${URL_OF_SERVER}?application_name=${name}`, max: 2 },
      driverContext({}, { dataDir }),
    )
    for (const transaction of [undefined, await driver.begin?.()]) {
      const from = transaction ?? driver
      const narrow = await cursor(from, WIDE("'x'"))
      expect(await widest(narrow)).toEqual({ rows: 100, bytes: 100 })
      await narrow.close()
      const wide = await cursor(from, WIDE("repeat('x', 20000)"))
      const { rows, bytes } = await widest(wide)
      // The first read cannot know how long rows are.
      expect([rows <= 10, bytes <= 200_000]).toEqual([true, true])
      await wide.close()
      await transaction?.rollback()
    }
    const admin = postgres(URL_OF_SERVER, { max: 1 })
    const busy =
      await admin`SELECT state FROM pg_stat_activity WHERE application_name = ${name} AND state <> 'idle'`
    await admin.end()
    expect([...busy]).toEqual([])
  })
})
