import { afterAll, describe, expect, it } from 'vitest'
import { sql } from '../../adapters/drivers/postgres/index.ts'
import type { SqlQuery } from '../../core/bindings/drivers.ts'
import { isUnmoorError } from '../../core/errors.ts'
import { driverContext } from './contracts/harness.ts'
import { admin, postgresAnswers, postgresDetour, uniqueName } from './postgres-server.ts'

const available = await postgresAnswers('postgres connections that are reset')
afterAll(() => admin.end())

const RESETS = 25
/** Clients that begin anew at once, also where the statement before failed; fewer than connections. */
const CLIENTS = 3

describe.runIf(available)('connections that are reset', () => {
  // The client takes an answer for that of the statement before where a statement is begun on a socket that has
  // failed and is not closed yet.
  it.each([
    ['a statement', false],
    ['a batch', true],
  ] as const)('%s that succeeds was carried out, whenever it began', async (_name, batches) => {
    const schema = uniqueName()
    await admin.unsafe(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.done (id integer PRIMARY KEY)`)
    const detour = await postgresDetour()
    const db = await sql({ url: detour.url, schema, max: 6, timeout: 20 }, driverContext({}))
    try {
      const right = new Set<number>()
      let next = 0
      const insert = async (): Promise<void> => {
        const id = ++next
        const query = (value: number): SqlQuery => ({ text: 'INSERT INTO done VALUES ($1)', params: [value] })
        try {
          await (batches ? db.batch([query(id), query(-id)]) : db.query(query(id)))
          right.add(id)
        } catch (error) {
          if (!isUnmoorError(error)) throw error
        }
      }
      const over = new AbortController()
      const client = async (): Promise<void> => {
        while (!over.signal.aborted) await insert()
      }
      const clients = Array.from({ length: CLIENTS }, client)
      for (let reset = 0; reset < RESETS; reset++) {
        // All connections are open, and some are idle.
        await Promise.all(Array.from({ length: 6 }, insert))
        detour.reset()
      }
      over.abort()
      await Promise.all(clients)
      const rows = await admin.unsafe<{ id: number }[]>(`SELECT id FROM ${schema}.done`)
      const stored = new Set(rows.map(({ id }) => id))
      expect([...right].filter((id) => !stored.has(id) || (batches && !stored.has(-id)))).toEqual([])
      expect(right.size).toBeGreaterThan(0)
    } finally {
      await db.close?.()
      await detour.close()
      await admin.unsafe(`DROP SCHEMA ${schema} CASCADE`)
    }
  })

  it('a batch that timed out unapplied stays so, where cancelling it comes too late', async () => {
    const schema = uniqueName()
    await admin.unsafe(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.done (id integer PRIMARY KEY)`)
    const detour = await postgresDetour()
    const db = await sql({ url: detour.url, schema, max: 1, timeout: 1 }, driverContext({}))
    try {
      await db.query({ text: 'SELECT 1', params: [] })
      const late = db
        .batch([
          { text: 'INSERT INTO done VALUES ($1)', params: [1] },
          { text: 'SELECT pg_sleep(2)::text', params: [] },
        ])
        .catch((error: unknown) => error)
      await detour.sent('pg_sleep')
      // The request to cancel is kept back, as is what ends the transaction.
      detour.hold()
      expect(await late).toMatchObject({ code: 'Timeout', mayHaveApplied: false })
      const isOver = async (): Promise<boolean> =>
        (
          await admin`SELECT 1 FROM pg_stat_activity WHERE strpos(query, ${schema}) = 0 AND query LIKE '%pg_sleep(2)::text%' AND state = 'active' AND pid <> pg_backend_pid()`
        ).count === 0
      await expect.poll(isOver).toBe(true)
      detour.release()
      await expect
        .poll(() => db.query({ text: 'SELECT id FROM done', params: [] }).catch(() => null))
        .toMatchObject({ rows: [] })
    } finally {
      await db.close?.()
      await detour.close()
      await admin.unsafe(`DROP SCHEMA ${schema} CASCADE`)
    }
  })
})
