import { sql } from '../../../core/bindings/declarations.ts'
import type { SqlDriver } from '../../../core/bindings/drivers.ts'
import {
  migrate,
  type Migration,
  type MigrationRun,
  recordedMigrations,
  type RecordedMigrations,
} from '../../../core/bindings/migrations.ts'
import type { PostgresOptions } from '../../drivers/postgres/index.ts'

/** Applies the migrations of a sql binding to a Postgres database, from Node. */
export function migratePostgres(
  binding: string,
  options: PostgresOptions,
  app: string,
  migrations: readonly Migration[],
): Promise<MigrationRun> {
  return withPostgres(binding, options, app, (driver) => migrate(driver, binding, migrations))
}

/** Returns the migrations that the Postgres database of a sql binding has recorded, read from Node. */
export function recordedInPostgres(
  binding: string,
  options: PostgresOptions,
  app: string,
): Promise<RecordedMigrations> {
  return withPostgres(binding, options, app, recordedMigrations)
}

async function withPostgres<T>(
  binding: string,
  options: PostgresOptions,
  app: string,
  work: (driver: SqlDriver) => Promise<T>,
): Promise<T> {
  // The Postgres client is imported lazily: it is an optional package that only apps with a Postgres database
  // need.
  const { sql: createSql } = await import('../../drivers/postgres/sql.ts')
  const driver = await createSql(options, {
    binding,
    app,
    declaration: sql(),
    variable: () => undefined,
    now: Date.now,
  })
  try {
    return await work(driver)
  } finally {
    await driver.close?.()
  }
}
