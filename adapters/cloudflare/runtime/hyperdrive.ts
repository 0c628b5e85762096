/**
 * `unmoor/internal/cloudflare/hyperdrive`: SQL on a Postgres server, reached through Hyperdrive, which keeps
 * the pool of connections.
 */
import type { DriverFactory, SqlDriver, SqlQuery } from '../../../core/bindings/drivers.ts'
import { openSql } from '../../drivers/postgres/once.ts'
import type { PostgresStoreOptions } from '../../drivers/postgres/options.ts'
import { nativeOf } from './native-of.ts'

/** What the platform binds. */
interface NativeHyperdrive {
  readonly connectionString: string
}

/**
 * A Worker may not use a socket of another request, so each call has a connection of its own; to Hyperdrive,
 * which is near, that costs little. Options of the postgres driver but `url`, which only `unmoor start` and
 * `unmoor migrate` read.
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
