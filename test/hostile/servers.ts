import { startAws } from '../../core/tools/conformance/backends/aws.ts'
import type { Backend } from '../../core/tools/conformance/backends/backend.ts'
import { natsProgram, startNats } from '../../core/tools/conformance/backends/nats.ts'
import { startPostgres } from '../../core/tools/conformance/backends/postgres.ts'
import { redisProgram, startRedis } from '../../core/tools/conformance/backends/redis.ts'
import { accepts } from '../../core/tools/conformance/backends/server-process.ts'
import pg from 'postgres'
import { URL_OF_SERVER } from '../drivers/postgres-url.ts'

const SILENT = { info() {}, warn() {} }
const STARTS = {
  postgres: startPostgres,
  redis: startRedis,
  nats: startNats,
  s3: () => startAws('s3', SILENT),
} satisfies Record<string, () => Promise<Backend>>

/** Servers that drivers of attacked apps keep their data on. */
export type ServerName = keyof typeof STARTS

const running = new Map<ServerName, Promise<Backend>>()
const databases: Promise<Backend>[] = []

/** A server of this run, started once. */
export function server(name: Exclude<ServerName, 'postgres'>): Promise<Backend> {
  const started = running.get(name) ?? STARTS[name]()
  running.set(name, started)
  return started
}

/** A database of its own for each host: a second one would find the rows of the first. */
export function database(): Promise<Backend> {
  const started = STARTS.postgres()
  databases.push(started)
  return started
}

/** What this machine lacks for a server; undefined where it can be started. */
export async function serverLacks(name: ServerName): Promise<string | undefined> {
  if (name === 's3') return undefined
  if (name === 'redis') return redisProgram() === undefined ? 'redis-server' : undefined
  if (name === 'nats') return natsProgram() === undefined ? 'nats-server' : undefined
  const { hostname, port } = new URL(URL_OF_SERVER)
  return (await accepts(Number(port || 5432), hostname)) ? undefined : `Postgres at ${URL_OF_SERVER}`
}

/** Apps of the drivers' host: each has got a user in Postgres, which outlives the database. */
const ROLES = '^unmoor_(neighbour|(postgres|redis|nats|s3)-[a-z0-9-]+)_[0-9a-f]{16}$'

/** Ends what was started, and removes what it has left. */
export async function stopServers(): Promise<void> {
  for (const started of [...running.values(), ...databases])
    await started.then((one) => one.stop()).catch(() => {})
  if (databases.length > 0) {
    const sql = pg(URL_OF_SERVER, { max: 1, onnotice: () => {} })
    for (const { rolname } of await sql`SELECT rolname FROM pg_roles WHERE rolname ~ ${ROLES}`)
      await sql.unsafe(`DROP ROLE IF EXISTS "${rolname}"`).catch(() => {})
    await sql.end()
  }
  running.clear()
}
