import { sql } from '../../../core/bindings/declarations.ts'
import { migrate, type Migration, type MigrationRun } from '../../../core/bindings/migrations.ts'
import type { PostgresOptions } from '../../drivers/postgres/index.ts'

/** Applies the migrations of a sql binding to a Postgres database, from Node. */
export async function migratePostgres(
  binding: string,
  options: PostgresOptions,
  app: string,
  migrations: readonly Migration[],
): Promise<MigrationRun> {
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
    return await migrate(driver, binding, migrations)
  } finally {
    await driver.close?.()
  }
}
