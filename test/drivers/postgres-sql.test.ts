import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sql } from '../../adapters/drivers/postgres/index.ts'
import type { SqlDriver } from '../../core/bindings/drivers.ts'
import { PATIENCE } from '../patience.ts'
import { createHarness, driverContext, failure, type Harness } from './contracts/harness.ts'
import { sqlContract } from './contracts/sql.ts'
import { admin, postgresAnswers, statementsRun, uniqueName, URL_OF_SERVER } from './postgres-server.ts'

const available = await postgresAnswers('postgres sql driver')
afterAll(() => admin.end())

/** A schema of its own per case, on one server. */
async function create(options: { max?: number } = {}): Promise<Harness<SqlDriver> & { schema: string }> {
  const schema = uniqueName()
  await admin.unsafe(`CREATE SCHEMA ${schema}`)
  const open = (settings: Parameters<typeof driverContext>[0]): ReturnType<typeof sql> =>
    sql({ url: URL_OF_SERVER, schema, max: 4, ...options }, driverContext(settings))
  return { schema, ...createHarness(open, () => admin.unsafe(`DROP SCHEMA ${schema} CASCADE`)) }
}

describe.runIf(available)('with a server', () => {
  sqlContract('postgres', () => create())

  describe('postgres sql', () => {
    let harness: Awaited<ReturnType<typeof create>>
    let db: SqlDriver
    beforeEach(async () => {
      harness = await create()
      db = await harness.open()
    })
    afterEach(() => harness.dispose())
    const query = (
      text: string,
      ...params: (string | number | boolean | null)[]
    ): ReturnType<SqlDriver['query']> => db.query({ text, params })

    it("gives Postgres's own types as documented", async () => {
      const { rows } =
        await query(`SELECT 5::int8, 5.00::numeric, 12.5::numeric, 'NaN'::float8, true, '2026-01-02 03:04:05.678+02'::timestamptz, '2026-01-02 03:04:05'::timestamp,
        '2026-01-02'::date, '{"a":1}'::jsonb, '{1,2}'::int[], 'infinity'::timestamptz, '\\x00ff'::bytea, 1e20::numeric::text`)
      expect(rows[0]).toEqual([
        5,
        5,
        12.5,
        NaN,
        true,
        '2026-01-02T01:04:05.678Z',
        '2026-01-02T03:04:05',
        '2026-01-02',
        '{"a": 1}',
        '{1,2}',
        'infinity',
        new Uint8Array([0, 255]),
        '100000000000000000000',
      ])
      await failure(query('SELECT 100000000000000000001::numeric'), 'LimitExceeded')
      await failure(
        query('SELECT sum(x) FROM (VALUES (9007199254740991::int8), (9007199254740991)) AS v (x)'),
        'LimitExceeded',
      )
    })

    it('writes text and numbers into typed columns', async () => {
      await query('CREATE TABLE t (at TIMESTAMPTZ, doc JSONB, n NUMERIC, id UUID, data BYTEA)')
      const id = randomUUID()
      await query(
        'INSERT INTO t VALUES ($1, $2, $3, $4, $5)',
        '2026-11-23T08:00:00Z',
        '{"k":[1]}',
        1.25,
        id,
        'text as bytes',
      )
      expect((await query('SELECT * FROM t')).rows[0]).toEqual([
        '2026-11-23T08:00:00Z',
        '{"k": [1]}',
        1.25,
        id,
        new Uint8Array(Buffer.from('text as bytes')),
      ])
      await failure(query('INSERT INTO t (n) VALUES ($1)', 'no number'), 'InvalidArgument')
      await failure(query('INSERT INTO t (at) VALUES ($1)', 'a\0b'), 'InvalidArgument')
    })

    /** A statement that runs until it is ended, told from all others on the server. */
    const endless = (): { text: string; params: [] } => ({
      text: `SELECT pg_sleep(600) AS ${harness.schema}`,
      params: [],
    })

    it('a connection killed in a query is Unavailable, mayHaveApplied, and the next query works', async () => {
      const running = endless()
      const settled = failure(db.query(running), 'Unavailable')
      await statementsRun(running.text)
      await admin`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = ${running.text} AND state = 'active'`
      const error = await settled
      expect(error.mayHaveApplied).toBe(true)
      expect(error.retryable).toBe(true)
      expect((await query('SELECT 1')).rows).toEqual([[1]])
    })

    it('an abort ends the statement on the server', async () => {
      const controller = new AbortController()
      const running = endless()
      const aborted = failure(db.query(running, controller.signal), 'Aborted')
      await statementsRun(running.text)
      controller.abort()
      await aborted
      await statementsRun(running.text, 0)
      expect((await query('SELECT 1')).rows).toEqual([[1]])
    })

    it('an abort while all connections are busy, and in a batch', async () => {
      const [all, one] = [new AbortController(), new AbortController()]
      const running = endless()
      const busy = Array.from({ length: 4 }, () => failure(db.query(running, all.signal), 'Aborted'))
      await statementsRun(running.text, 4)
      const waiting = failure(db.query({ text: 'SELECT 1', params: [] }, one.signal), 'Aborted')
      one.abort()
      await waiting
      all.abort()
      await Promise.all(busy)
      const inBatch = new AbortController()
      const batch = failure(
        db.batch([{ text: 'CREATE TABLE t (id INTEGER)', params: [] }, running], inBatch.signal),
        'Aborted',
      )
      await statementsRun(running.text)
      inBatch.abort()
      expect((await batch).details.index).toBe(1)
      await failure(query('SELECT * FROM t'), 'NotFound')
    })

    it('a deadlock or a lost serialisation is Conflict', async () => {
      await query('CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)')
      await query('INSERT INTO t VALUES (1, 0), (2, 0)')
      // Each batch waits at the gate until both have the row that the other one wants.
      const gate = `SELECT pg_advisory_xact_lock_shared(hashtext('${harness.schema}'))`
      const batch = (first: number, second: number): ReturnType<SqlDriver['batch']> =>
        db.batch([
          { text: 'UPDATE t SET n = n + 1 WHERE id = $1', params: [first] },
          { text: gate, params: [] },
          { text: 'UPDATE t SET n = n + 1 WHERE id = $1', params: [second] },
        ])
      const outcomes = await admin.begin(async (keeper) => {
        await keeper`SELECT pg_advisory_xact_lock(hashtext(${harness.schema}))`
        const both = Promise.allSettled([batch(1, 2), batch(2, 1)])
        const atGate = async (): Promise<number> => {
          // In a transaction the server would show what it showed first.
          await keeper`SELECT pg_stat_clear_snapshot()`
          return (
            await keeper`SELECT 1 FROM pg_stat_activity WHERE query = ${gate} AND wait_event_type = 'Lock'`
          ).count
        }
        await expect.poll(atGate, PATIENCE).toBe(2)
        return { both }
      })
      const settled = await outcomes.both
      expect(settled.filter(({ status }) => status === 'fulfilled').length).toBe(1)
      expect(settled.find(({ status }) => status === 'rejected')).toMatchObject({
        reason: { code: 'Conflict', retryable: true, details: { index: 2 } },
      })
    })

    it("prepared statements that a pooler mixed up say what to set, and are no fault of the statement's", async () => {
      const one = await harness.open()
      const prepare = { text: 'PREPARE mixed AS SELECT 1', params: [] }
      for (const call of [() => one.batch([prepare, prepare]), () => query('EXECUTE nowhere')]) {
        const error = await failure(call(), 'Unavailable')
        expect([error.retryable, error.mayHaveApplied]).toEqual([false, false])
        expect(error.message).toContain('prepare: false')
      }
    })

    it('a pool of one connection suffices for migrations', async () => {
      const single = await create({ max: 1 })
      const driver = await single.open()
      const applied = await driver.exclusive?.(async () => {
        await driver.query({ text: 'CREATE TABLE t (id INTEGER)', params: [] })
        const results = await driver.batch([
          { text: 'INSERT INTO t VALUES (1)', params: [] },
          { text: 'SELECT count(*) FROM t', params: [] },
        ])
        await failure(
          driver.batch([
            { text: 'INSERT INTO t VALUES (2)', params: [] },
            { text: 'SELEC', params: [] },
          ]),
          'InvalidArgument',
        )
        return results[1]?.rows
      })
      expect(applied).toEqual([[1]])
      expect((await driver.query({ text: 'SELECT count(*) FROM t', params: [] })).rows).toEqual([[1]])
      await single.dispose()
    })

    it('a wrong password or database names the server, not the password', async () => {
      const missing = await sql(
        { url: URL_OF_SERVER.replace(/\/[^/]*$/, '/no_such_database') },
        driverContext({}),
      )
      const error = await failure(missing.query({ text: 'SELECT 1', params: [] }), 'NotFound')
      expect(error.message).toContain('no_such_database')
      await missing.close?.()
    })
  })
})

describe('postgres without a server', () => {
  it('is Unavailable, retryable, and not applied', async () => {
    const driver = await sql(
      { url: 'postgres://user:hunter2@127.0.0.1:1/db', connectTimeout: 2 },
      driverContext({}),
    )
    const error = await failure(driver.query({ text: 'SELECT 1', params: [] }), 'Unavailable')
    expect(error.retryable).toBe(true)
    expect(error.mayHaveApplied).toBe(false)
    expect(error.message).toContain('127.0.0.1:1')
    expect(error.message).not.toContain('hunter2')
    await failure(driver.batch([{ text: 'SELECT 1', params: [] }]), 'Unavailable')
    await failure(driver.exclusive?.(async () => 1) ?? Promise.resolve(), 'Unavailable')
    await driver.close?.()
  })

  it('refuses a url that is none, without printing it', async () => {
    const error = await failure(
      Promise.resolve(sql({ url: 'hunter2' }, driverContext({}))),
      'InvalidArgument',
    )
    expect(error.message).not.toContain('hunter2')
  })
})
