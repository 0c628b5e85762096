import { sql } from '../../../core/bindings/declarations.ts'
import { migrate, type Migration, type MigrationRun } from '../../../core/bindings/migrations.ts'
import type { PostgresOptions } from '../../drivers/postgres/index.ts'

/** Applies a binding's migrations to a Postgres database, from Node. */
export async function migratePostgres(
  binding: string,
  options: PostgresOptions,
  app: string,
  migrations: readonly Migration[],
): Promise<MigrationRun> {
  // The client is an optional package; only apps with such a database need it.
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
