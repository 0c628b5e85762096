import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isUnmoorError, UnmoorError } from '../../../../core/errors.ts'
import { importOptional } from './packages.ts'
import { type Database, servePglite } from './pglite-server.ts'
import { slug } from './plan.ts'
import type { Server } from './server.ts'

/** Options of {@link startPostgres}. */
export interface PostgresOptions {
  app: string
  /** Data folder of the local Postgres; if undefined, the database is dropped at the end. */
  dataDir: string | undefined
  /** Postgres server: a URL, `probe` (127.0.0.1:5432 if it lets us in, else embedded) or `embedded`. */
  server: string
}

/** The part of the postgres client package that is used. */
interface Sql {
  unsafe<T>(text: string): Promise<T[]>
  end(options?: { timeout: number }): Promise<void>
}
interface PostgresPackage {
  default(url: string, options: { max: number; connect_timeout: number; onnotice: () => void }): Sql
}

/**
 * Seconds to wait for a connection to a local Postgres. A server that exists answers at once unless its
 * machine is busy; starting the embedded one then would make that worse, as it takes several seconds of CPU
 * time.
 */
const CONNECT_SECONDS = 30

const PROBED = 'postgres://postgres@127.0.0.1:5432/postgres'

/** Starts a local Postgres database for this app and data folder alone. */
export async function startPostgres(options: PostgresOptions): Promise<Server> {
  const { dataDir } = options
  if (options.server === 'embedded') return startEmbedded(dataDir, 'as UNMOOR_POSTGRES_URL is "embedded"')
  if (options.server === 'probe') {
    if (!(await connects())) return startEmbedded(dataDir, 'as no server answers on 127.0.0.1:5432')
    return useServer(PROBED, options).catch((error: unknown) => {
      // A missing Postgres client package is missing for the app too, so no other server would help.
      if (isUnmoorError(error, 'NotFound')) throw error
      const why = error instanceof Error ? error.message : String(error)
      return startEmbedded(dataDir, `as the server on 127.0.0.1:5432 cannot be used (${why})`)
    })
  }
  return useServer(options.server, options).catch((error: unknown) => {
    const url = options.server.replace(/:[^:@/]*@/, ':***@')
    throw new UnmoorError(
      'Unavailable',
      `Postgres at ${url} cannot be used: ${error instanceof Error ? error.message : String(error)}. ` +
        'Correct or unset UNMOOR_POSTGRES_URL.',
      { operation: 'start', cause: error },
    )
  })
}

/**
 * Resolves to true if a Postgres server listens. This is checked before the client library is used, because
 * that library must be loaded and retries connections.
 */
function connects(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: 5432 })
    const done = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(CONNECT_SECONDS * 1000, () => done(false))
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
  })
}

async function useServer(server: string, { app, dataDir }: PostgresOptions): Promise<Server> {
  const own =
    dataDir === undefined
      ? randomBytes(5).toString('hex')
      : createHash('sha256').update(dataDir).digest('hex').slice(0, 10)
  const database = `unmoor_${slug(app).replaceAll('-', '_')}_${own}`
  if (dataDir !== undefined) await mkdir(dataDir, { recursive: true })
  const [{ server_version: version }] = await asAdmin(server, async (sql) => {
    await dropForgotten(sql)
    const found = await sql.unsafe(`select 1 from pg_database where datname = '${database}'`)
    if (found.length === 0) await sql.unsafe(`create database ${database}`)
    if (dataDir !== undefined)
      await sql.unsafe(`comment on database ${database} is '${(ORIGIN + dataDir).replaceAll("'", "''")}'`)
    return (await sql.unsafe<{ server_version: string }>('show server_version')) as [
      { server_version: string },
    ]
  })
  const url = new URL(server)
  url.pathname = `/${database}`
  return {
    name: `postgres ${version.split(' ')[0]}`,
    url: url.href,
    stop: async () => {
      if (dataDir === undefined)
        await asAdmin(server, (sql) => sql.unsafe(`drop database if exists ${database} with (force)`))
    },
  }
}

/** Start of the SQL comment of a local database that we created; the path of its data folder follows. */
const ORIGIN = `unmoor on ${hostname()}: `

/**
 * Drops local Postgres databases whose data folder is gone: test runs and demos work in temporary folders,
 * and nothing else would ever drop their databases.
 */
async function dropForgotten(sql: Sql): Promise<void> {
  const ours = await sql.unsafe<{ datname: string; comment: string | null }>(
    "select datname, shobj_description(oid, 'pg_database') as comment from pg_database where datname " +
      "like 'unmoor\\_%'",
  )
  for (const { datname, comment } of ours) {
    if (!comment?.startsWith(ORIGIN) || existsSync(comment.slice(ORIGIN.length))) continue
    // A local database that is still in use is left for the next start.
    await sql.unsafe(`drop database if exists "${datname}"`).catch(() => {})
  }
}

async function asAdmin<T>(server: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const postgres = await importOptional<PostgresPackage>('postgres', 'A sql binding on Postgres')
  const sql = postgres.default(server, { max: 1, connect_timeout: CONNECT_SECONDS, onnotice: () => {} })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 2 })
  }
}

/** The part of PGlite, an embedded Postgres, that is used. */
interface Pglite {
  PGlite: {
    create(dataDir?: string): Promise<
      Database & {
        query(text: string): Promise<{ rows: { server_version: string }[] }>
        close(): Promise<void>
      }
    >
  }
}

async function startEmbedded(dataDir: string | undefined, why: string): Promise<Server> {
  const purpose = `A sql binding on Postgres, started within this process ${why},`
  const { PGlite } = await importOptional<Pglite>('@electric-sql/pglite', purpose)
  const path = dataDir === undefined ? undefined : join(dataDir, 'postgres')
  if (path !== undefined) await mkdir(path, { recursive: true })
  const db = await PGlite.create(path)
  const { rows } = await db.query('show server_version')
  const version = rows[0]?.server_version ?? ''
  const server = await servePglite(db, version)
  return {
    name: `pglite (postgres ${version})`,
    url: `postgres://postgres:postgres@127.0.0.1:${server.port}/postgres?sslmode=disable`,
    stop: async () => {
      await server.stop()
      await db.close()
    },
  }
}
