import { describe, expect, it } from 'vitest'
import { sql as sqlite } from '../../adapters/drivers/sqlite/index.ts'
import type { SqlDriver } from '../../core/bindings/drivers.ts'
import { Sql } from '../../core/bindings/sql.ts'
import { UnmoorError } from '../../core/errors.ts'
import { strict } from '../../core/runtime/strict/index.ts'
import { OpenTransactions } from '../../core/runtime/transaction-channel.ts'
import { driverContext } from '../../core/tools/conformance/drivers/harness.ts'

async function open(): Promise<{ db: Sql; driver: SqlDriver }> {
  const driver = await sqlite({ path: ':memory:' }, driverContext({ binding: 'db' }))
  const db = new Sql(driver, { binding: 'db' })
  await db.run('CREATE TABLE items (id INTEGER PRIMARY KEY)')
  return { db, driver }
}

describe('Sql.transaction', () => {
  it('names the capability where the driver has no transactions, as under strict', async () => {
    const create = strict('sql', sqlite, 1)
    const db = new Sql(await create({ path: ':memory:' }, driverContext({ binding: 'db' })), {
      binding: 'db',
    })
    const expected = {
      code: 'Unsupported',
      binding: 'db',
      operation: 'transaction',
      details: { capability: 'sql.interactiveTransactions' },
    }
    await expect(db.transaction(() => 1)).rejects.toMatchObject(expected)
    await expect(db.begin()).rejects.toMatchObject(expected)
    await db.batch([{ text: 'SELECT 1' }])
  })

  it('says what to do where the function waits for a write of the database itself', async () => {
    const { db } = await open()
    await expect(
      db.transaction(() => db.run('INSERT INTO items VALUES (1)'), { timeout: 0.1 }),
    ).rejects.toMatchObject({
      code: 'Timeout',
      message: expect.stringContaining('Inside it use the transaction that it is given') as string,
    })
  })

  it('a Conflict is tried again, so often as asked, but one of another binding is not', async () => {
    const { db, driver } = await open()
    let begun = 0
    const busy: SqlDriver = {
      dialect: 'sqlite',
      query: (query) => driver.query(query),
      batch: (queries) => driver.batch(queries),
      async begin() {
        begun++
        const transaction = await (driver.begin as NonNullable<SqlDriver['begin']>)()
        return {
          query: (query) => transaction.query(query),
          rollback: () => transaction.rollback(),
          async commit() {
            await transaction.rollback()
            throw new UnmoorError('Conflict', 'met another')
          },
        }
      },
    }
    await expect(
      new Sql(busy, { binding: 'db' }).transaction(() => 1, { attempts: 3 }),
    ).rejects.toMatchObject({ code: 'Conflict', binding: 'db' })
    expect(begun).toBe(3)
    let calls = 0
    await expect(
      db.transaction(() => {
        calls++
        throw new UnmoorError('Conflict', 'another', { binding: 'links' })
      }),
    ).rejects.toMatchObject({ binding: 'links' })
    expect(calls).toBe(1)
  })
})

describe('transactions over a channel', () => {
  it('are rolled back when the caller goes away', async () => {
    const { db } = await open()
    const caller = new OpenTransactions()
    const id = await caller.call(db, 'db', 'beginTransaction', [{}])
    await caller.call(db, 'db', 'inTransaction', [id, 'run', 'INSERT INTO items VALUES (1)'])
    caller.close()
    expect(await db.value('SELECT count(*) FROM items')).toBe(0)
    await expect(caller.call(db, 'db', 'inTransaction', [id, 'commit'])).rejects.toMatchObject({
      code: 'InvalidArgument',
    })
  })

  it('refuse what is no transaction of this caller, and no method of one', async () => {
    const { db } = await open()
    const [one, other] = [new OpenTransactions(), new OpenTransactions()]
    const id = await one.call(db, 'db', 'beginTransaction', [])
    await expect(other.call(db, 'db', 'inTransaction', [id, 'all', 'SELECT 1'])).rejects.toMatchObject({
      code: 'InvalidArgument',
    })
    await expect(one.call(db, 'db', 'inTransaction', [id, 'constructor'])).rejects.toMatchObject({
      code: 'InvalidArgument',
    })
    await expect(one.call(db, 'db', 'beginTransaction', [{ timeout: 'x' }])).rejects.toMatchObject({
      code: 'InvalidArgument',
    })
    await one.call(db, 'db', 'inTransaction', [id, 'rollback'])
  })
})
