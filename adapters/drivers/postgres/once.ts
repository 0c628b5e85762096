import type { DriverContext, SqlDriver } from '../../../core/bindings/drivers.ts'
import type { PostgresStoreOptions } from './options.ts'
import { openPool } from './pool.ts'
import { PostgresSql } from './sql.ts'

/**
 * Opens a Postgres database with a pool of its own, for platforms where connections belong to one request.
 * Errors are those of the driver.
 */
export async function openSql(options: PostgresStoreOptions, context: DriverContext): Promise<SqlDriver> {
  return new PostgresSql(await openPool(options, context), options, context.binding)
}
