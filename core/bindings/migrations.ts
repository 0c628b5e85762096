import { isUnmoorError, UnmoorError } from '../errors.ts'
import type { SqlDialect, SqlDriver } from './drivers.ts'
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

/** An SQL migration as a database has recorded it. */
export interface AppliedMigration {
  readonly name: string
  /** {@link Migration.checksum} of the text that ran. */
  readonly checksum: string
  /** Time at which the migration was applied: ISO 8601 in UTC. */
  readonly appliedAt: string
}

/** What a database has recorded of its migrations. */
export interface RecordedMigrations {
  readonly dialect: SqlDialect
  /** The applied SQL migrations, in the order of their names. */
  readonly applied: readonly AppliedMigration[]
}

/** An SQL migration of an app or of its database, compared with the other side. */
export interface MigrationState {
  readonly name: string
  readonly state: 'applied' | 'pending'
  /** Time at which an applied migration was applied: ISO 8601 in UTC. */
  readonly appliedAt?: string
  /**
   * Reason why {@link migrate} refuses: an applied migration whose text is another one now (`changed`) or
   * which the app no longer has (`removed`), or a pending one that sorts before an applied one (`late`).
   */
  readonly problem?: 'changed' | 'removed' | 'late'
}

const TABLE =
  'CREATE TABLE IF NOT EXISTS unmoor_migrations (name TEXT PRIMARY KEY, checksum TEXT NOT ' +
  'NULL, applied_at TEXT NOT NULL)'

/**
 * Applies the SQL migrations that have not been applied yet. Each is applied in one transaction, which also
 * records it. Two processes that run at once apply each migration once.
 *
 * @param onNewer is called with the names of migrations that the database has recorded and that sort after
 * all of the app's: those of a newer version, if an older one starts again after a rollback. Default: they
 * are refused as removed.
 * @throws `Conflict` (not retryable) for a migration that changed after it ran or was removed;
 * `InvalidArgument` naming the migration and statement that failed, which is rolled back.
 */
export async function migrate(
  driver: SqlDriver,
  binding: string,
  migrations: readonly Migration[],
  onNewer?: (names: readonly string[]) => void,
): Promise<MigrationRun> {
  const where = { binding, operation: 'migrate' }
  const work = async (): Promise<MigrationRun> => {
    // The table of applied migrations is created only if it is missing: a user who may use it need not have
    // the right to create tables.
    const applied = await readApplied(driver).catch(async (error: unknown) => {
      if (!isUnmoorError(error, 'NotFound')) throw error
      await driver.query({ text: TABLE, params: [] })
      return readApplied(driver)
    })
    const newest = migrations.at(-1)?.name ?? ''
    const newer = onNewer === undefined ? [] : applied.filter(({ name }) => name > newest)
    if (newer.length > 0) onNewer?.(newer.map(({ name }) => name))
    const own = applied.filter((one) => !newer.includes(one))
    const pending = pendingMigrations(binding, migrations, own)
    const already = migrations.filter((migration) => !pending.includes(migration)).map(({ name }) => name)
    for (const migration of pending) await apply(driver, migration, where)
    return { applied: pending.map(({ name }) => name), already }
  }
  return driver.exclusive === undefined ? work() : driver.exclusive(work)
}

async function readApplied(driver: SqlDriver): Promise<AppliedMigration[]> {
  const { rows } = await driver.query({
    text: 'SELECT name, checksum, applied_at FROM unmoor_migrations ORDER BY name',
    params: [],
  })
  return rows.map(([name, checksum, appliedAt]) => ({
    name: String(name),
    checksum: String(checksum),
    appliedAt: String(appliedAt),
  }))
}

/**
 * Returns the SQL migrations that a database has recorded; none if no migration ever ran on it. Only reads:
 * the table of applied migrations is not created.
 */
export async function recordedMigrations(driver: SqlDriver): Promise<RecordedMigrations> {
  const applied = await readApplied(driver).catch((error: unknown) => {
    if (isUnmoorError(error, 'NotFound')) return []
    throw error
  })
  return { dialect: driver.dialect, applied }
}

/** Returns the state of each SQL migration of an app and of its database, in the order of their names. */
export function migrationStates(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
): MigrationState[] {
  const known = new Set(applied.map(({ name }) => name))
  const byName = new Map(migrations.map((migration) => [migration.name, migration]))
  const newest = migrations.findLast(({ name }) => known.has(name))?.name ?? ''
  const states: MigrationState[] = applied.map(({ name, checksum, appliedAt }) => {
    const own = byName.get(name)
    const problem = own === undefined ? 'removed' : own.checksum === checksum ? undefined : 'changed'
    return { name, state: 'applied', appliedAt, ...(problem === undefined ? {} : { problem }) }
  })
  for (const { name } of migrations)
    if (!known.has(name))
      states.push({ name, state: 'pending', ...(name < newest ? { problem: 'late' as const } : {}) })
  return states.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/**
 * Returns the SQL migrations that {@link migrate} would apply to a database, in this order.
 *
 * @throws `Conflict` (not retryable) for a migration that changed after it ran, was removed, or comes late.
 */
export function pendingMigrations(
  binding: string,
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
): Migration[] {
  checkHistory(migrations, applied, { binding, operation: 'migrate' })
  const known = new Set(applied.map(({ name }) => name))
  return migrations.filter(({ name }) => !known.has(name))
}

function checkHistory(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
  where: { binding: string; operation: string },
): void {
  const states = migrationStates(migrations, applied)
  const newest = migrations.findLast(({ name }) => applied.some((one) => one.name === name))?.name
  for (const { name, problem } of states) {
    if (problem === 'removed') {
      throw new UnmoorError(
        'Conflict',
        `${where.binding}: migration "${name}" has run on this database, but its file is gone. Put it ` +
          'back; undo its effect by a new migration.',
        { ...where, retryable: false },
      )
    }
    if (problem === 'changed') {
      throw new UnmoorError(
        'Conflict',
        `${where.binding}: migration "${name}" changed after it ran on this database. Put its old text ` +
          'back and write the change as a new migration.',
        { ...where, retryable: false },
      )
    }
  }
  const late = states.find(({ problem }) => problem === 'late')
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
