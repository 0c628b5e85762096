import type postgres from 'postgres'
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { connect, type Server } from './connect.ts'
import type { PostgresOptions } from './options.ts'

/** A Postgres pool shared by all bindings of this process that have the same settings. */
export interface SharedPool {
  readonly server: Server
  readonly sql: postgres.Sql
  /**
   * Settles when the last work under a Postgres session lock has ended; the next work waits for it. A pool of
   * one connection needs this, since a session may take its own lock twice.
   */
  turn: Promise<unknown>
  /**
   * Other things that users of the Postgres pool share, such as the connection that listens; closed before
   * the pool.
   */
  readonly parts: Map<string, { close(): Promise<void> }>
  /** Ends one use of the Postgres pool; the last user closes it. */
  close(): Promise<void>
}

export interface Entry extends SharedPool {
  users: number
}

const pools = new Map<string, Promise<Entry>>()

/**
 * Returns the process's Postgres pool for these settings. The pool connects at its first query. Errors are
 * those of {@link connect}.
 */
export async function sharedPool(options: PostgresOptions, context: DriverContext): Promise<SharedPool> {
  const {
    url = context.variable('DATABASE_URL'),
    max,
    schema,
    prepare,
    connectTimeout,
    idleTimeout,
  } = options
  const name = JSON.stringify([url, max, schema, prepare, connectTimeout, idleTimeout])
  let opening = pools.get(name)
  if (opening === undefined) {
    opening = openPool(options, context, () => pools.delete(name))
    pools.set(name, opening)
    opening.catch(() => pools.delete(name))
  }
  const entry = await opening
  entry.users++
  return entry
}

/** Opens a Postgres pool that is closed when the last user calls `close`; `onClose` is called then. */
export async function openPool(
  options: PostgresOptions,
  context: DriverContext,
  onClose: () => void = () => {},
): Promise<Entry> {
  const server = await connect(options, context)
  const entry: Entry = {
    server,
    sql: server.pool(server.max),
    turn: Promise.resolve(),
    parts: new Map(),
    users: 0,
    async close() {
      if (--entry.users > 0) return
      onClose()
      for (const part of entry.parts.values()) await part.close()
      // While the Postgres pool closes, only clean-up of its users can still run on it. Without a timeout,
      // the client would also wait for connections that were lost during a query.
      await entry.sql.end({ timeout: 1 })
    },
  }
  return entry
}
