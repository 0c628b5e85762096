/**
 * `unmoor/kysely`: Kysely on a sql binding. The same queries run on every database that the binding supports.
 */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteQueryCompiler,
  type TransactionSettings,
} from 'kysely'
import type { Sql, SqlTransaction, SqlValue } from '../../core/bindings/sql.ts'
import { UnmoorError } from '../../core/errors.ts'
import { OwnTablesIntrospector } from './kysely-introspector.ts'

/**
 * Creates a dialect for `new Kysely({ dialect: createDialect(env.db) })`: SQLite's or Postgres's, depending
 * on the binding. Creating a dialect is cheap and opens no connection.
 *
 * Errors are those of the binding. Transactions are serializable; on a target without transactions (D1) they
 * fail with `Unsupported`. Savepoints and streams are not supported.
 *
 * @example
 * ```ts
 * import { Kysely } from 'kysely'
 * import { createDialect } from 'unmoor/kysely'
 *
 * const db = new Kysely<{ users: { id: number; name: string } }>({ dialect: createDialect(env.db) })
 * const names = await db.selectFrom('users').select('name').execute()
 * ```
 */
export function createDialect(database: Sql): Dialect {
  const postgres = database.dialect === 'postgres'
  return {
    createAdapter: (): DialectAdapter => (postgres ? new PostgresAdapter() : new SqliteAdapter()),
    createDriver: (): Driver => new BindingDriver(database),
    createQueryCompiler: (): QueryCompiler =>
      postgres ? new PostgresQueryCompiler() : new SqliteQueryCompiler(),
    // oxlint-disable-next-line typescript/no-explicit-any -- Kysely's own signature
    createIntrospector: (db: Kysely<any>): DatabaseIntrospector =>
      postgres ? new PostgresIntrospector(db) : new OwnTablesIntrospector(db),
  }
}

class BindingDriver implements Driver {
  #database: Sql

  constructor(database: Sql) {
    this.#database = database
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<BindingConnection> {
    return new BindingConnection(this.#database)
  }

  async beginTransaction(connection: BindingConnection, { accessMode }: TransactionSettings): Promise<void> {
    if (accessMode === 'read only')
      throw new UnmoorError(
        'Unsupported',
        'Transactions of a binding have no access mode: leave out setAccessMode.',
      )
    await connection.begin()
  }

  commitTransaction(connection: BindingConnection): Promise<void> {
    return connection.end('commit')
  }

  rollbackTransaction(connection: BindingConnection): Promise<void> {
    return connection.end('rollback')
  }

  async releaseConnection(): Promise<void> {}

  // The sql binding belongs to the app, so destroying one Kysely instance leaves the binding open.
  async destroy(): Promise<void> {}
}

class BindingConnection implements DatabaseConnection {
  #database: Sql
  #transaction: SqlTransaction | undefined

  constructor(database: Sql) {
    this.#database = database
  }

  async begin(): Promise<void> {
    this.#transaction = await this.#database.begin()
  }

  async end(how: 'commit' | 'rollback'): Promise<void> {
    const transaction = this.#transaction
    this.#transaction = undefined
    await transaction?.[how]()
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    // The sql binding refuses query parameters of unsupported types, so the cast below is safe.
    const { columns, rows, changes, lastRowId } = await (this.#transaction ?? this.#database).raw(
      sql,
      parameters as readonly SqlValue[],
    )
    return {
      // The cast to `Row` relies on Kysely's types, which promise the columns that the query selects.
      rows: rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index]]))) as Row[],
      numAffectedRows: BigInt(changes),
      ...(lastRowId === undefined ? {} : { insertId: BigInt(lastRowId) }),
    }
  }

  // oxlint-disable-next-line require-yield -- it only throws
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new UnmoorError(
      'Unsupported',
      'A binding gives whole results: read pages with limit() instead of stream().',
    )
  }
}
