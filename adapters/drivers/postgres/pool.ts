import type postgres from 'postgres'
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { connect, type Server } from './connect.ts'
import type { PostgresOptions } from './options.ts'

/** A pool that all bindings of this process with the same settings use. */
export interface SharedPool {
  readonly server: Server
  readonly sql: postgres.Sql
  /**
   * The end of the last work under a lock of the session, where the pool has one connection: a session may
   * take its own lock twice.
   */
  turn: Promise<unknown>
  /** Whatever else its users share, such as the connection that listens; closed before the pool. */
  readonly parts: Map<string, { close(): Promise<void> }>
  /** The last user's closes the pool. */
  close(): Promise<void>
}

export interface Entry extends SharedPool {
  users: number
}

const pools = new Map<string, Promise<Entry>>()

/**
 * The process's pool for these settings; its first connection is made by its first query. Errors are those of
 * {@link connect}.
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

/** A pool that is closed by the call of its `close` that leaves no user; `onClose` is called then. */
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
      // What comes last is its users' clean-up. The client would wait for connections that were lost under a
      // query, too.
      await entry.sql.end({ timeout: 1 })
    },
  }
  return entry
}
