/** A select of one row through the portable class, against the bare client. */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import postgres from 'postgres'
import { sql as postgresSql } from '../../../adapters/drivers/postgres/index.ts'
import { sql as sqliteSql } from '../../../adapters/drivers/sqlite/index.ts'
import type { SqlDriver } from '../../../core/bindings/drivers.ts'
import { Sql } from '../../../core/bindings/sql.ts'
import { driverContext } from '../../../core/tools/conformance/drivers/harness.ts'
import { type Contenders, IN_FLIGHT, key, KEYS, type Work } from './work.ts'

const TABLE =
  'CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT NOT NULL, visits INTEGER NOT NULL, score DOUBLE PRECISION NOT NULL)'
const INSERT = 'INSERT INTO users (id, name, visits, score) VALUES'
const SELECT = 'SELECT id, name, visits, score FROM users WHERE id ='
const row = (index: number): [string, string, number, number] => [
  key(index),
  `The user of number ${index}`,
  index,
  index / 2,
]

async function ours(driver: SqlDriver, schema: string | undefined, concurrency = 1): Promise<Work> {
  const db = new Sql(driver, { binding: 'db' })
  if (schema !== undefined) await driver.query({ text: `CREATE SCHEMA ${schema}`, params: [] })
  await db.run(TABLE)
  for (let index = 0; index < KEYS.length; index++) await db.run(`${INSERT} (?, ?, ?, ?)`, row(index))
  return {
    once: (index) => db.first(`${SELECT} ?`, [key(index)]),
    concurrency,
    close: () => driver.close?.(),
  }
}

export const SQL: Readonly<Record<string, Contenders>> = {
  'sql.sqlite.select': {
    ours: async ({ folder }) =>
      ours(await sqliteSql({ path: `${folder}/ours.sqlite` }, driverContext({})), undefined),
    'node:sqlite': ({ folder }) => {
      const db = new DatabaseSync(`${folder}/bare.sqlite`)
      db.exec(`PRAGMA journal_mode = WAL; ${TABLE}`)
      const insert = db.prepare(`${INSERT} (?, ?, ?, ?)`)
      for (let index = 0; index < KEYS.length; index++) insert.run(...(row(index) as SQLInputValue[]))
      const select = db.prepare(`${SELECT} ?`)
      // A plain object, as everybody else gives: node:sqlite's has no prototype.
      return { once: async (index) => ({ ...select.get(key(index)) }), close: () => db.close() }
    },
  },
  'sql.postgres.select': {
    ours: async ({ postgres: { url, schema } }) =>
      ours(await postgresSql({ url, schema, max: 4 }, driverContext({})), schema, IN_FLIGHT),
    'postgres.js': async ({ postgres: { url, schema } }) => {
      const sql = postgres(url, {
        max: 4,
        onnotice: () => {},
        fetch_types: false,
        connection: { search_path: schema },
      })
      await sql.unsafe(`CREATE SCHEMA ${schema}`)
      await sql.unsafe(TABLE)
      for (let index = 0; index < KEYS.length; index++)
        await sql.unsafe(`${INSERT} ($1, $2, $3, $4)`, row(index))
      return {
        concurrency: IN_FLIGHT,
        async once(index) {
          const [found] = await sql.unsafe(`${SELECT} $1`, [key(index)], { prepare: true })
          return { ...found }
        },
        close: () => sql.end(),
      }
    },
  },
}
