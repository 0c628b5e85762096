import { isUnmoorError, UnmoorError } from '../errors.ts'
import type { SqlDialect, SqlDriver, SqlResult } from './drivers.ts'
import { parseStatements } from './sql-tokenizer.ts'

/** An SQL migration that was read from its files. */
export interface Migration {
  /**
   * File name of the migration without the ending, such as `0001_links`. Migrations run in the order of their
   * names.
   */
  readonly name: string
  /** Hex SHA-256 over all files of the migration: a migration that changed after it ran is refused. */
  readonly checksum: string
  /** SQL text of the migration for each engine; `default` is for engines without a text of their own. */
  readonly sql: Readonly<{ default?: string; sqlite?: string; postgres?: string }>
}

/**
 * Result of a run of SQL migrations: names of those that it applied, and of those that had been applied
 * before.
 */
export interface MigrationRun {
  applied: string[]
  already: string[]
}

const TABLE =
  'CREATE TABLE IF NOT EXISTS unmoor_migrations (name TEXT PRIMARY KEY, checksum TEXT NOT ' +
  'NULL, applied_at TEXT NOT NULL)'

/**
 * Applies the SQL migrations that have not been applied yet. Each is applied in one transaction, which also
 * records it. Two processes that run at once apply each migration once.
 *
 * @throws `Conflict` (not retryable) for a migration that changed after it ran or was removed;
 * `InvalidArgument` naming the migration and statement that failed, which is rolled back.
 */
export async function migrate(
  driver: SqlDriver,
  binding: string,
  migrations: readonly Migration[],
): Promise<MigrationRun> {
  const where = { binding, operation: 'migrate' }
  const work = async (): Promise<MigrationRun> => {
    const record = (): Promise<SqlResult> =>
      driver.query({ text: 'SELECT name, checksum FROM unmoor_migrations ORDER BY name', params: [] })
    // The table of applied migrations is created only if it is missing: a user who may use it need not have
    // the right to create tables.
    const { rows } = await record().catch(async (error: unknown) => {
      if (!isUnmoorError(error, 'NotFound')) throw error
      await driver.query({ text: TABLE, params: [] })
      return record()
    })
    const known = new Map(rows.map(([name, checksum]) => [String(name), String(checksum)]))
    checkHistory(known, migrations, where)
    const report: MigrationRun = { applied: [], already: [] }
    for (const migration of migrations) {
      if (known.has(migration.name)) report.already.push(migration.name)
      else {
        await apply(driver, migration, where)
        report.applied.push(migration.name)
      }
    }
    return report
  }
  return driver.exclusive === undefined ? work() : driver.exclusive(work)
}

function checkHistory(
  known: ReadonlyMap<string, string>,
  migrations: readonly Migration[],
  where: { binding: string; operation: string },
): void {
  const byName = new Map(migrations.map((migration) => [migration.name, migration]))
  const newest = migrations.findLast(({ name }) => known.has(name))?.name ?? ''
  for (const [name, checksum] of known) {
    const migration = byName.get(name)
    if (migration === undefined) {
      throw new UnmoorError(
        'Conflict',
        `${where.binding}: migration "${name}" has run on this database, but its file is gone. Put it ` +
          'back; undo its effect by a new migration.',
        { ...where, retryable: false },
      )
    }
    if (migration.checksum !== checksum) {
      throw new UnmoorError(
        'Conflict',
        `${where.binding}: migration "${name}" changed after it ran on this database. Put its old text ` +
          'back and write the change as a new migration.',
        { ...where, retryable: false },
      )
    }
  }
  const late = migrations.find(({ name }) => !known.has(name) && name < newest)
  if (late !== undefined) {
    throw new UnmoorError(
      'Conflict',
      `${where.binding}: migration "${late.name}" sorts before "${newest}", which has run already. ` +
        'Rename it so that it comes last.',
      { ...where, retryable: false },
    )
  }
}

async function apply(
  driver: SqlDriver,
  migration: Migration,
  where: { binding: string; operation: string },
): Promise<void> {
  const statements = statementsOf(migration, driver.dialect, where)
  const record = {
    text:
      driver.dialect === 'postgres'
        ? 'INSERT INTO unmoor_migrations (name, checksum, applied_at) VALUES ($1, $2, $3)'
        : 'INSERT INTO unmoor_migrations (name, checksum, applied_at) VALUES (?1, ?2, ?3)',
    params: [migration.name, migration.checksum, new Date().toISOString()],
  }
  try {
    await driver.batch([...statements.map((text) => ({ text, params: [] })), record])
  } catch (error) {
    const index = error instanceof UnmoorError ? error.details.index : undefined
    const statement =
      index === undefined
        ? ''
        : ` at statement ${index + 1} (${statements[index]?.slice(0, 80) ?? 'its record'})`
    throw new UnmoorError(
      'InvalidArgument',
      `${where.binding}: migration "${migration.name}" failed${statement} and was rolled ` +
        `back: ${error instanceof Error ? error.message : String(error)}`,
      { ...where, cause: error },
    )
  }
}

/** Returns the SQL statements of a migration for one engine. */
export function statementsOf(
  migration: Migration,
  dialect: SqlDialect,
  where: { binding: string; operation: string },
): string[] {
  const text = migration.sql[dialect] ?? migration.sql.default
  if (text === undefined) {
    throw new UnmoorError(
      'InvalidArgument',
      `${where.binding}: migration "${migration.name}" has no text for ${dialect}. Add ` +
        `${migration.name}.${dialect}.sql.`,
      where,
    )
  }
  return parseStatements(text).map((statement) => statement.text)
}
