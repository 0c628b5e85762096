import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from '../../adapters/drivers/postgres/index.ts'
import type { SqlDriver } from '../../core/bindings/drivers.ts'
import { isUnmoorError } from '../../core/errors.ts'
import { driverContext, failure } from './contracts/harness.ts'
import { pgbouncerInstalled, startPgbouncer } from './pgbouncer.ts'
import { admin, postgresAnswers, postgresDetour } from './postgres-server.ts'

const available = await postgresAnswers('postgres behind pgbouncer')
afterAll(() => admin.end())

if (available && !pgbouncerInstalled)
  console.warn('postgres behind pgbouncer: skipped, pgbouncer is not installed')

describe.runIf(available && pgbouncerInstalled)('behind a PgBouncer in transaction mode', () => {
  let bouncer: Awaited<ReturnType<typeof startPgbouncer>>
  beforeAll(async () => {
    bouncer = await startPgbouncer()
  })
  afterAll(() => bouncer.stop())
  const open = async (options: { prepare: boolean; timeout?: number }): Promise<SqlDriver> =>
    sql({ url: bouncer.url, max: 6, ...options }, driverContext({ binding: 'db' }))
  const work = (db: SqlDriver): Promise<unknown>[] =>
    Array.from({ length: 60 }, async (_, index) => {
      // Different texts: each is prepared on the connection that it first came to.
      const query = { text: `SELECT $1::int4 + ${index % 7} AS n`, params: [index] }
      if (index % 3 === 0) return (await db.batch([query]))[0]?.rows[0]?.[0]
      return (await db.query(query)).rows[0]?.[0]
    })

  it('without prepared statements all of it works', async () => {
    const db = await open({ prepare: false })
    expect(await Promise.all(work(db))).toEqual(Array.from({ length: 60 }, (_, index) => index + (index % 7)))
    const transaction = await db.begin?.()
    expect((await transaction?.query({ text: 'SELECT 1', params: [] }))?.rows).toEqual([[1]])
    await transaction?.commit()
    await db.close?.()
  })

  it('with prepared statements each call ends, and says what to set', async () => {
    const db = await open({ prepare: true, timeout: 2 })
    const outcomes = await Promise.allSettled(Array.from({ length: 3 }, () => work(db)).flat())
    const errors = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason as Error] : [],
    )
    // Newer ones (1.21) may prepare statements for their clients, and then nothing fails.
    for (const error of errors) {
      expect(isUnmoorError(error)).toBe(true)
      expect(error.message).toContain('`prepare: false`')
    }
    await db.close?.()
  })
})

describe.runIf(available)('a server that does not answer', () => {
  it('a statement, a batch and a transaction are given up as Timeout', async () => {
    const detour = await postgresDetour()
    const db = await sql({ url: detour.url, max: 4, timeout: 3 }, driverContext({ binding: 'db' }))
    const statement = { text: 'SELECT 1', params: [] }
    expect((await db.query(statement)).rows).toEqual([[1]])
    const transaction = await db.begin?.()
    detour.hold()
    const query = await failure(db.query(statement), 'Timeout')
    expect([query.mayHaveApplied, query.message]).toEqual([
      true,
      expect.stringMatching(/gave no answer within 3 s\. .*`prepare: false`/),
    ])
    const batch = await failure(db.batch([statement]), 'Timeout')
    expect(batch.mayHaveApplied).toBe(false)
    const inside = await failure(transaction!.query(statement), 'Timeout')
    expect(inside.mayHaveApplied).toBe(false)
    await failure(transaction!.rollback(), 'Timeout')
    await failure(db.begin!(), 'Timeout')
    await detour.close()
    await db.close?.()
  })
})
