import { readFileSync } from 'node:fs'
import { SqliteDialect } from 'kysely'
import { openSqlite } from '../../harness/node-sqlite.ts'
import { answer } from './auth.ts'

/** Kysely's own dialect on Node's own SQLite. */
const database = openSqlite(readFileSync(new URL('migrations/0001_auth.sql', import.meta.url), 'utf8'))

export default {
  fetch: (request: Request, env: { BETTER_AUTH_SECRET: string }) =>
    answer(request, new SqliteDialect({ database }), env.BETTER_AUTH_SECRET),
}
