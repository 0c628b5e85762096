import { invalidArgument, limitExceeded } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import type { SqlCell, SqlDialect, SqlQuery, SqlResult } from './drivers.ts'
import { annotate, type Where } from './operation.ts'
import type { SqlStatement, SqlValue, StatementCheck } from './sql-statement.ts'

/**
 * A row as an object. Of columns with the same name the last one is kept; {@link SqlSession.raw} has both.
 */
export type SqlRow = Record<string, SqlCell>

/** What {@link SqlSession.run} gives. */
export interface SqlRunResult {
  /** Rows inserted, updated or deleted. */
  changes: number
  /** Row id of the last insert on SQLite; undefined on Postgres: use RETURNING, which both have. */
  lastRowId: number | undefined
}

/** What {@link SqlSession.raw} and `batch` give. */
export interface SqlRawResult extends SqlRunResult {
  columns: string[]
  rows: SqlCell[][]
}

/** What a database and a transaction of it have in common: write queries for this, and they run in either. */
export abstract class SqlSession {
  /** The engine, for what the two do not share. */
  readonly dialect: SqlDialect
  /** @internal */
  protected readonly binding: string
  /** @internal */
  protected readonly check: StatementCheck

  /** @internal */
  protected constructor(dialect: SqlDialect, binding: string, check: StatementCheck) {
    this.dialect = dialect
    this.binding = binding
    this.check = check
  }

  /** @internal */
  protected abstract execute(query: SqlQuery, where: Where): Promise<SqlResult>

  /** All rows as objects; an empty array where there are none. */
  async all<Row = SqlRow>(statement: string | SqlStatement, params?: readonly SqlValue[]): Promise<Row[]> {
    return toObjects(await this.#query('all', statement, params)) as Row[]
  }

  /** The first row, or null. */
  async first<Row = SqlRow>(
    statement: string | SqlStatement,
    params?: readonly SqlValue[],
  ): Promise<Row | null> {
    const { columns, rows } = await this.#query('first', statement, params)
    const [row] = rows
    return row === undefined ? null : (toObject(columns, row) as Row)
  }

  /** One column of the first row, or null where there is no row. */
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

  /** Runs a statement for its effect. */
  async run(statement: string | SqlStatement, params?: readonly SqlValue[]): Promise<SqlRunResult> {
    const { changes, lastRowId } = await this.#query('run', statement, params)
    return { changes, lastRowId }
  }

  /** Column names and rows as arrays. */
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

  /** @internal */
  protected where(operation: string): Where {
    return { binding: this.binding, operation }
  }
}

/** Refuses a result with more columns than all engines give. */
export function checkColumns(result: SqlResult, where: Where): SqlResult {
  if (result.columns.length > LIMITS['sql.columns'])
    throw limitExceeded(where, 'sql.columns', result.columns.length, LIMITS['sql.columns'])
  return result
}

/** As apps see it. */
export function rawResult({ columns, rows, changes, lastRowId }: SqlResult): SqlRawResult {
  return { columns, rows, changes, lastRowId }
}

function toObjects({ columns, rows }: Pick<SqlResult, 'columns' | 'rows'>): SqlRow[] {
  return rows.map((row) => toObject(columns, row))
}

function toObject(columns: readonly string[], row: readonly SqlCell[]): SqlRow {
  const object: SqlRow = {}
  for (let index = 0; index < columns.length; index++)
    object[columns[index] as string] = row[index] as SqlCell
  return object
}
