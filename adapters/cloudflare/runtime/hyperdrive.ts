/**
 * `unmoor/internal/cloudflare/hyperdrive`: SQL on a Postgres server, reached through Hyperdrive, which keeps
 * the pool of connections.
 */
import type { DriverFactory, SqlDriver, SqlQuery } from '../../../core/bindings/drivers.ts'
import { openSql } from '../../drivers/postgres/once.ts'
import type { PostgresStoreOptions } from '../../drivers/postgres/options.ts'
import { nativeOf } from './native-of.ts'

/** Cloudflare's own Hyperdrive binding. */
interface NativeHyperdrive {
  readonly connectionString: string
}

/**
 * SQL driver through Hyperdrive. Each call opens a connection of its own, since a Worker may not use a socket
 * of another request; Hyperdrive is near, so that is cheap. Options are those of the postgres driver except
 * `url`, which only `unmoor start` and `unmoor migrate` read.
 */
export const sql: DriverFactory<'sql', PostgresStoreOptions> = (options, context): SqlDriver => {
  const { connectionString } = nativeOf<NativeHyperdrive>(context, 'Hyperdrive configuration')
  const run = async <T>(work: (driver: SqlDriver) => Promise<T>): Promise<T> => {
    const driver = await openSql({ ...options, url: connectionString, max: 1 }, context)
    try {
      return await work(driver)
    } finally {
      await driver.close?.()
    }
  }
  return {
    dialect: 'postgres',
    query: (query: SqlQuery, signal?: AbortSignal) => run((driver) => driver.query(query, signal)),
    batch: (queries: readonly SqlQuery[], signal?: AbortSignal) =>
      run((driver) => driver.batch(queries, signal)),
  }
}
