import { invalidArgument, limitExceeded } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import type { SqlCell, SqlCursor, SqlDialect, SqlQuery, SqlResult } from './drivers.ts'
import { annotate, type Where } from './operation.ts'
import { checkReads, CursorRows, eachRow, type RowSource, toObject } from './sql-rows.ts'
import type { SqlStatement, SqlValue, StatementCheck } from './sql-statement.ts'

/**
 * An SQL row as an object. If columns have the same name, it has the last one only; {@link SqlSession.raw}
 * returns all.
 */
export type SqlRow = Record<string, SqlCell>

/** The result of {@link SqlSession.run}. */
export interface SqlRunResult {
  /** Number of SQL rows inserted, updated or deleted. */
  changes: number
  /**
   * Row id of the last insert on SQLite. On Postgres it is undefined: use RETURNING, which both engines have.
   */
  lastRowId: number | undefined
}

/** The result of {@link SqlSession.raw} and `batch`. */
export interface SqlRawResult extends SqlRunResult {
  columns: string[]
  rows: SqlCell[][]
}

/**
 * The methods that an SQL database and a transaction have in common. Queries that are written for this type
 * run in both.
 */
export abstract class SqlSession {
  /** Name of the SQL engine, for apps whose SQL depends on SQLite or Postgres. */
  readonly dialect: SqlDialect
  /** Name of the SQL binding, for errors. @internal */
  protected readonly binding: string
  /** Checks the SQL statements of this database or transaction. @internal */
  protected readonly check: StatementCheck

  /** Called by the classes of SQL databases and transactions only. @internal */
  protected constructor(dialect: SqlDialect, binding: string, check: StatementCheck) {
    this.dialect = dialect
    this.binding = binding
    this.check = check
  }

  /** Runs a checked SQL statement on the driver. @internal */
  protected abstract execute(query: SqlQuery, where: Where): Promise<SqlResult>

  /** Opens a cursor of the driver for a checked SQL statement. @internal */
  protected abstract cursor(query: SqlQuery, where: Where): Promise<SqlCursor>

  /**
   * Returns all rows of an SQL statement as objects; an empty array if there are none.
   *
   * @example
   * ```ts
   * const users = await env.db.all<{ id: number }>('SELECT id FROM users WHERE age > ?', [18])
   * ```
   */
  async all<Row = SqlRow>(statement: string | SqlStatement, params?: readonly SqlValue[]): Promise<Row[]> {
    return toObjects(await this.#query('all', statement, params)) as Row[]
  }

  /**
   * Returns rows one after another, read a few at a time as the loop asks for them: for results that are too
   * large for {@link all}. The rows are those of the moment when the loop began, whatever is written
   * meanwhile. The loop holds a connection until it ends, also by `break` or a throw; a loop that asks for no
   * row in 60 s ends with `Timeout`.
   *
   * The loop throws `InvalidArgument` for a statement that writes, and `Unsupported` (`sql.each`) if the
   * target's engine has no cursors, such as D1: read pages with `WHERE id > ? ORDER BY id LIMIT ?` there.
   *
   * @example
   * ```ts
   * for await (const { id, name } of env.db.each('SELECT id, name FROM users ORDER BY id')) {
   *   console.log(id, name)
   * }
   * ```
   */
  each<Row = SqlRow>(
    statement: string | SqlStatement,
    params?: readonly SqlValue[],
  ): AsyncGenerator<Row, void, undefined> {
    return eachRow<Row>(() => this.openRows(statement, params))
  }

  /** Opens the SQL rows that {@link each} reads, for a caller at the other end of a channel. @internal */
  async openRows(statement: string | SqlStatement, params?: readonly SqlValue[]): Promise<RowSource> {
    const where = this.where('each')
    const query = this.check.query(statement, params, where)
    checkReads(query.text, where)
    let cursor: SqlCursor
    try {
      cursor = await this.cursor(query, where)
    } catch (error) {
      throw annotate(error, where)
    }
    const rows = new CursorRows(cursor, where)
    try {
      checkColumns(cursor, where)
    } catch (error) {
      await rows.close()
      throw error
    }
    return rows
  }

  /**
   * Returns the first row of an SQL statement, or null if there is none.
   *
   * @example
   * ```ts
   * const user = await env.db.first<{ name: string }>(sql`SELECT name FROM users WHERE id = ${7}`)
   * ```
   */
  async first<Row = SqlRow>(
    statement: string | SqlStatement,
    params?: readonly SqlValue[],
  ): Promise<Row | null> {
    const { columns, rows } = await this.#query('first', statement, params)
    const [row] = rows
    return row === undefined ? null : (toObject(columns, row) as Row)
  }

  /**
   * Returns one column of an SQL statement's first row, or null if there is no row.
   *
   * @example
   * ```ts
   * const count = await env.db.value<number>('SELECT count(*) FROM users')
   * ```
   */
  async value<T extends SqlCell = SqlCell>(
    statement: string | SqlStatement,
    params?: readonly SqlValue[],
    column?: string,
  ): Promise<T | null> {
    const { columns, rows } = await this.#query('value', statement, params)
    const index = column === undefined ? 0 : columns.lastIndexOf(column)
    if (index < 0)
      throw invalidArgument(
        this.where('value'),
        `${this.binding}.value: the statement has no column "${column}". It has: ${columns.join(', ')}.`,
      )
    return (rows[0]?.[index] as T | undefined) ?? null
  }

  /**
   * Runs an SQL statement for its effect and returns how many rows changed.
   *
   * @example
   * ```ts
   * const { changes } = await env.db.run(sql`DELETE FROM sessions WHERE expires < ${Date.now()}`)
   * ```
   */
  async run(statement: string | SqlStatement, params?: readonly SqlValue[]): Promise<SqlRunResult> {
    const { changes, lastRowId } = await this.#query('run', statement, params)
    return { changes, lastRowId }
  }

  /**
   * Returns column names of an SQL statement, and rows as arrays.
   *
   * @example
   * ```ts
   * const { columns, rows } = await env.db.raw('SELECT a.id, b.id FROM a JOIN b ON b.a = a.id')
   * ```
   */
  async raw(statement: string | SqlStatement, params?: readonly SqlValue[]): Promise<SqlRawResult> {
    return rawResult(await this.#query('raw', statement, params))
  }

  async #query(
    operation: string,
    statement: string | SqlStatement,
    params: readonly SqlValue[] | undefined,
  ): Promise<SqlResult> {
    const where = this.where(operation)
    const query = this.check.query(statement, params, where)
    try {
      return checkColumns(await this.execute(query, where), where)
    } catch (error) {
      throw annotate(error, where)
    }
  }

  /** Returns the binding and operation that errors of an SQL method name. @internal */
  protected where(operation: string): Where {
    return { binding: this.binding, operation }
  }
}

/** Refuses an SQL result with more columns than every engine can return. */
export function checkColumns<Result extends { readonly columns: readonly string[] }>(
  result: Result,
  where: Where,
): Result {
  if (result.columns.length > LIMITS['sql.columns'])
    throw limitExceeded(where, 'sql.columns', result.columns.length, LIMITS['sql.columns'])
  return result
}

/** Converts an SQL driver's result to the {@link SqlRawResult} that apps receive. */
export function rawResult({ columns, rows, changes, lastRowId }: SqlResult): SqlRawResult {
  return { columns, rows, changes, lastRowId }
}

function toObjects({ columns, rows }: Pick<SqlResult, 'columns' | 'rows'>): SqlRow[] {
  return rows.map((row) => toObject(columns, row))
}
