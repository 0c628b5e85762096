import { Kysely, SqliteIntrospector } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sql as sqliteSql } from '../../adapters/drivers/sqlite/index.ts'
import { createDialect } from '../../adapters/query-builders/kysely.ts'
import type { SqlDriver } from '../../core/bindings/drivers.ts'
import { Sql } from '../../core/bindings/sql.ts'
import { driverContext } from './contracts/harness.ts'

let driver: SqlDriver
let database: Sql

beforeAll(async () => {
  driver = await sqliteSql({ path: ':memory:' }, driverContext({ binding: 'db' }))
  database = new Sql(driver, { binding: 'db' })
  for (const text of [
    'CREATE TABLE "_cf_METADATA" (key INTEGER PRIMARY KEY, value BLOB)',
    'CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, n BIGINT DEFAULT 5)',
    'CREATE TABLE named (id TEXT PRIMARY KEY, at BIGINT)',
    'CREATE TABLE numbered (id INTEGER PRIMARY KEY, cf_x TEXT)',
    'CREATE TABLE pairs (a INTEGER, b INTEGER, PRIMARY KEY (a, b))',
    'CREATE TABLE kysely_migration (name TEXT)',
    'CREATE VIEW names AS SELECT id, at FROM named',
  ])
    await database.run(text)
})
afterAll(() => driver.close?.())

it("tells tables as Kysely's own introspector does, without those of the platform", async () => {
  const db = new Kysely<object>({ dialect: createDialect(database) })
  for (const options of [undefined, { withInternalKyselyTables: true }]) {
    const own = await new SqliteIntrospector(db).getTables(options)
    const tables = await db.introspection.getTables(options)
    expect(tables).toEqual(own.filter(({ name }) => name !== '_cf_METADATA'))
    expect(own.some(({ name }) => name === '_cf_METADATA')).toBe(true)
  }
})
