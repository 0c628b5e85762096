import type { SqlCell, SqlDriver, SqlResult } from '../../../bindings/drivers.ts'
import type { DefineCase } from './driver-case.ts'
import { expect } from './expect.ts'
import { failure } from './harness.ts'

/** Parts of the harness of {@link sqlCases} that the cases about SQL transactions use. */
export interface SqlTools {
  /** The sql driver that the running case tests. */
  readonly db: SqlDriver
  /** Opens another sql driver over the same data. */
  readonly second: () => Promise<SqlDriver>
  readonly statement: (
    text: string,
    params?: readonly SqlCell[],
  ) => { text: string; params: readonly SqlCell[] }
  readonly query: (text: string, ...params: SqlCell[]) => Promise<SqlResult>
  readonly value: (text: string, ...params: SqlCell[]) => Promise<unknown>
}

/** Defines the cases about a sql driver's `begin`, which a driver may lack. */
export function defineTransactionCases(it: DefineCase, tools: SqlTools): void {
  const { statement, query, value } = tools

  it('sql-d22 a transaction: others see nothing of it before its end, for which their writes wait', async () => {
    const { db } = tools
    const second = await tools.second()
    if (db.begin === undefined) return 'the driver has no begin'
    await query('INSERT INTO items (id, amount) VALUES (1, 1)')
    const order: string[] = []
    const transaction = await db.begin()
    const raised = await transaction.query(
      statement('UPDATE items SET amount = amount + ?1 WHERE id = 1 RETURNING amount', [10]),
    )
    expect(raised.rows).toEqual([[11]])
    // A sql driver with one connection answers reads outside of the transaction only after the commit.
    const early: unknown[] = []
    const reads = [db, second].map(async (driver) => {
      const { rows } = await driver.query(statement('SELECT amount FROM items WHERE id = 1'))
      if (order.length === 0) early.push(rows)
    })
    const double = statement('UPDATE items SET amount = amount * 2 WHERE id = 1')
    const writes = [db, second].map((driver) => driver.batch([double]).then(() => void order.push('write')))
    await new Promise((resolve) => setTimeout(resolve, 50))
    order.push('commit')
    await transaction.commit()
    await Promise.all([...reads, ...writes])
    for (const rows of early) expect(rows).toEqual([[1]])
    expect(order).toEqual(['commit', 'write', 'write'])
    expect(await value('SELECT amount FROM items')).toBe(44)
  })

  it(
    'sql-d23 a transaction that is rolled back, after an error or without, leaves nothing; the next ' +
      'one works',
    async () => {
      const { db } = tools
      if (db.begin === undefined) return 'the driver has no begin'
      for (const text of ['SELECT 1', 'INSERT INTO items (id) VALUES (1)', 'SELEC']) {
        const transaction = await db.begin()
        await transaction.query(statement('INSERT INTO items (id) VALUES (?1)', [1]))
        await transaction.query(statement(text)).catch(() => {})
        await transaction.rollback()
        expect(await value('SELECT count(*) FROM items')).toBe(0)
      }
      const transaction = await db.begin()
      await transaction.query(statement('INSERT INTO items (id) VALUES (?1)', [1]))
      await transaction.commit()
      expect(await value('SELECT count(*) FROM items')).toBe(1)
    },
  )

  it(
    'sql-d24 two transactions that read and then write, over two drivers: one waits, or is a Conflict ' +
      'that may be retried',
    async () => {
      const { db } = tools
      const second = await tools.second()
      if (db.begin === undefined) return 'the driver has no begin'
      await query('INSERT INTO items (id, amount) VALUES (1, 0)')
      const conflicts = await Promise.all(
        Array.from({ length: 10 }, (_, index) => increment(index % 2 === 0 ? db : second, tools)),
      )
      expect(await value('SELECT amount FROM items')).toBe(10)
      if (db.dialect === 'sqlite') expect(conflicts).toEqual(Array.from({ length: 10 }, () => 0))
    },
  )
}

/**
 * Adds 1 to the row's amount in a SQL transaction and repeats after each conflict; resolves to the number of
 * conflicts.
 */
async function increment(driver: SqlDriver, { statement }: SqlTools): Promise<number> {
  for (let conflicts = 0; ; conflicts++) {
    const transaction = await driver.begin?.()
    if (transaction === undefined) return conflicts
    try {
      const { rows } = await transaction.query(statement('SELECT amount FROM items WHERE id = 1'))
      await new Promise((resolve) => setTimeout(resolve, 5))
      await transaction.query(
        statement('UPDATE items SET amount = ?1 WHERE id = 1', [Number(rows[0]?.[0]) + 1]),
      )
    } catch (error) {
      await transaction.rollback()
      await failure(Promise.reject(error), 'Conflict')
      continue
    }
    try {
      await transaction.commit()
      return conflicts
    } catch (error) {
      expect((await failure(Promise.reject(error), 'Conflict')).retryable).toBe(true)
    }
  }
}
