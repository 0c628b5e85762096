import { Client } from 'pg'
import type { Service } from './service.ts'

/** A server where databases may be made. Default: one that trusts this machine. */
const SERVER = process.env['CORPUS_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'

async function run(statement: string): Promise<void> {
  const client = new Client({ connectionString: SERVER, connectionTimeoutMillis: 5000 })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** Postgres: a database for each app and target, at `DATABASE_URL`. */
export const postgres: Service = {
  async missing() {
    try {
      await run('SELECT 1')
      return undefined
    } catch (error) {
      return `no Postgres at ${SERVER} (CORPUS_POSTGRES_URL names another): ${String(error)}`
    }
  },
  async open(space) {
    await run(`CREATE DATABASE ${space}`)
    const url = new URL(SERVER)
    url.pathname = `/${space}`
    return {
      variables: { DATABASE_URL: url.href },
      // FORCE: what an app left open ends with its database.
      close: () => run(`DROP DATABASE ${space} WITH (FORCE)`),
    }
  },
}
