import { randomUUID } from 'node:crypto'
import type postgres from 'postgres'
import { type Backend, MissingBackend } from './backend.ts'
import { accepts } from './server-process.ts'

const DEFAULT_URL = 'postgres://postgres@127.0.0.1:5432/postgres'

/**
 * Creates a Postgres database for the test run on the server of UNMOOR_TEST_POSTGRES (default: a local
 * server); it is dropped at the end.
 */
export async function startPostgres(): Promise<Backend> {
  const url = new URL(process.env['UNMOOR_TEST_POSTGRES'] ?? DEFAULT_URL)
  if (!(await accepts(Number(url.port || 5432), url.hostname)))
    throw new MissingBackend(
      `no Postgres answers at ${url.host}: docker run -d -p 127.0.0.1:5432:5432 -e ` +
        'POSTGRES_HOST_AUTH_METHOD=trust postgres:17, or set UNMOOR_TEST_POSTGRES to a URL whose user may ' +
        'create databases.',
    )
  const connect = await load()
  const database = `unmoor_run_${randomUUID().replaceAll('-', '')}`
  await once(connect, url, (sql) => sql.unsafe(`CREATE DATABASE ${database}`))
  const own = new URL(url)
  own.pathname = `/${database}`
  return {
    name: `database ${database} on ${url.host}`,
    options: { url: own.href, max: 4 },
    variables: {},
    // Each case uses a Postgres schema of its own, because the app's table names do not contain the app's
    // name.
    async space(kind) {
      if (kind !== 'sql') return {}
      const schema = `s_${randomUUID().replaceAll('-', '')}`
      await once(connect, own, (sql) => sql.unsafe(`CREATE SCHEMA ${schema}`))
      return { schema }
    },
    async stop() {
      await once(connect, url, (sql) => sql.unsafe(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`))
    },
  }
}

async function load(): Promise<typeof postgres> {
  try {
    return (await import('postgres')).default
  } catch {
    throw new MissingBackend('the client of the postgres driver is not installed: npm install postgres.')
  }
}

async function once(
  connect: typeof postgres,
  url: URL,
  work: (sql: postgres.Sql) => Promise<unknown>,
): Promise<void> {
  const sql = connect(url.href, { max: 1, onnotice: () => {} })
  try {
    await work(sql)
  } finally {
    await sql.end()
  }
}
