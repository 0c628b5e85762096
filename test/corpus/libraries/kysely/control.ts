import { readFileSync } from 'node:fs'
import { SqliteDialect } from 'kysely'
import { openSqlite } from '../../harness/node-sqlite.ts'
import { answer } from './people.ts'

/** Kysely's own dialect on Node's own SQLite. */
const database = openSqlite(readFileSync(new URL('migrations/0001_people.sql', import.meta.url), 'utf8'))

export default { fetch: (request: Request) => answer(request, new SqliteDialect({ database })) }
