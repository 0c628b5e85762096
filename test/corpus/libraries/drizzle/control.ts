import { readFileSync } from 'node:fs'
import { drizzle } from 'drizzle-orm/sqlite-proxy'
import { openSqlite } from '../../harness/node-sqlite.ts'
import { answer, schema } from './users.ts'

/** Drizzle's own proxy driver, as its documentation shows it, on Node's own SQLite. */
const database = openSqlite(readFileSync(new URL('migrations/0001_users.sql', import.meta.url), 'utf8'))
const db = drizzle(
  (text, parameters, method) => {
    const statement = database.prepare(text)
    if (method === 'run') return Promise.resolve({ rows: [statement.run(parameters)] })
    const rows = statement.all(parameters).map((row) => Object.values(row as object))
    return Promise.resolve({ rows: method === 'get' ? (rows[0] as unknown[]) : rows })
  },
  { schema },
)

export default { fetch: (request: Request) => answer(request, db) }
