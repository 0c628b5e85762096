import { invalidArgument, limitExceeded } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { utf8Length, viewBytes } from './bytes.ts'
import type { SqlCell, SqlDialect, SqlDriver, SqlQuery, SqlResult } from './drivers.ts'
import { checkText } from './keys.ts'
import { annotate, run, type Where } from './operation.ts'
import { parseStatements, SqlTextError, type Statement } from './sql-tokenizer.ts'

/** What can be bound to a placeholder. */
export type SqlValue = string | number | boolean | null | ArrayBuffer | ArrayBufferView<ArrayBufferLike>

/** A statement with its parameters: what `sql\`...\`` gives, or written out. */
export interface SqlStatement {
  readonly text: string
  readonly params?: readonly SqlValue[]
}

/** A row as an object. Of columns with the same name the last one is kept; {@link Sql.raw} has both. */
export type SqlRow = Record<string, SqlCell>

/** What {@link Sql.run} gives. */
export interface SqlRunResult {
  /** Rows inserted, updated or deleted. */
  changes: number
  /** Row id of the last insert on SQLite; undefined on Postgres: use RETURNING, which both have. */
  lastRowId: number | undefined
}

/** What {@link Sql.raw} and {@link Sql.batch} give. */
export interface SqlRawResult extends SqlRunResult {
  columns: string[]
  rows: SqlCell[][]
}

/**
 * A SQL database, used with the subset that SQLite and Postgres run alike. Placeholders are `?` or `?1`; one statement a call; at most 100 parameters and
 * 100,000 bytes of text. Integers beyond 2^53 - 1 are an error, never rounded: cast them to text. Every method takes a text and its parameters, or a statement.
 *
 * Errors: `InvalidArgument` (syntax, arity, types), `AlreadyExists` (unique), `Constraint` with its kind, `NotFound` (no such table), `Conflict` (locked, retry), `Unavailable`.
 */
export class Sql {
  /** The engine, for what the two do not share. */
  readonly dialect: SqlDialect
  #driver: SqlDriver
  #binding: string
  #engine: boolean
  #checked = new Map<string, Checked>()

  constructor(driver: SqlDriver, options: { binding: string; checks?: 'portable' | 'engine' | undefined }) {
    this.#engine = options.checks === 'engine'
    this.dialect = driver.dialect
    this.#driver = driver
    this.#binding = options.binding
  }

  /** All rows as objects; an empty array where there are none. */
  async all<Row = SqlRow>(statement: string | SqlStatement, params?: readonly SqlValue[]): Promise<Row[]> {
    return toObjects(await this.#query('all', statement, params)) as Row[]
  }

  /** The first row, or null. With `column`, that column's value. */
  async first<Row = SqlRow>(statement: string | SqlStatement, params?: readonly SqlValue[]): Promise<Row | null> {
    const { columns, rows } = await this.#query('first', statement, params)
    return (toObjects({ columns, rows: rows.slice(0, 1) })[0] as Row | undefined) ?? null
  }

  /** One column of the first row, or null where there is no row. */
  async value<T extends SqlCell = SqlCell>(statement: string | SqlStatement, params?: readonly SqlValue[], column?: string): Promise<T | null> {
    const { columns, rows } = await this.#query('value', statement, params)
    const index = column === undefined ? 0 : columns.lastIndexOf(column)
    if (index < 0)
      throw invalidArgument(this.#where('value'), `${this.#binding}.value: the statement has no column "${column}". It has: ${columns.join(', ')}.`)
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

  /** Runs all statements in one transaction; each sees what earlier ones wrote. If one fails nothing is kept, and the error's details have its `index`. */
  async batch(statements: readonly SqlStatement[]): Promise<SqlRawResult[]> {
    const where = this.#where('batch')
    if (!Array.isArray(statements) || statements.length === 0) throw invalidArgument(where, `${this.#binding}.batch takes an array of at least one statement.`)
    const queries = statements.map((statement, index) => {
      try {
        return this.#check(statement, undefined, where)
      } catch (error) {
        const known = annotate(error, where)
        known.details.index = index
        throw known
      }
    })
    const results = await run(where, () => this.#driver.batch(queries))
    return results.map((result) => rawResult(checkColumns(result, where)))
  }

  #query(operation: string, statement: string | SqlStatement, params: readonly SqlValue[] | undefined): Promise<SqlResult> {
    const where = this.#where(operation)
    return run(where, async () => checkColumns(await this.#driver.query(this.#check(statement, params, where)), where))
  }

  #check(statement: string | SqlStatement, params: readonly SqlValue[] | undefined, where: Where): SqlQuery {
    const text = typeof statement === 'string' ? statement : statement?.text
    if (typeof text !== 'string') throw invalidArgument(where, `${this.#binding}.${where.operation}: a statement is a string or sql\`...\`.`)
    const given = typeof statement === 'string' ? (params ?? []) : (params ?? statement.params ?? [])
    if (!Array.isArray(given)) throw invalidArgument(where, `${this.#binding}.${where.operation}: parameters are an array, such as [slug].`)
    let checked = this.#checked.get(text)
    if (checked === undefined) {
      checked = checkStatement(text, this.dialect, this.#engine, where)
      // Bounded: an app that builds statement texts must not fill the memory.
      if (this.#checked.size >= 1000) this.#checked.delete(this.#checked.keys().next().value as string)
      this.#checked.set(text, checked)
    }
    if (given.length !== checked.arity) {
      throw invalidArgument(where, `${this.#binding}.${where.operation}: the statement has ${checked.arity} parameters, ${given.length} were given.`)
    }
    for (const number of checked.patterns) {
      const pattern = given[number - 1]
      if (typeof pattern === 'string') checkPattern(pattern, where)
    }
    return { text: checked.text, params: given.map((value, index) => (this.#engine && typeof value === 'number' ? value : checkValue(value, index, where))) }
  }

  #where(operation: string): Where {
    return { binding: this.#binding, operation }
  }
}

interface Checked {
  text: string
  arity: number
  /** Numbers of the parameters that are patterns of LIKE. */
  patterns: number[]
}

/** Statements that would break the portable transaction, or reach outside the database. */
const REFUSED: Readonly<Record<string, string>> = {
  BEGIN: 'Use batch() for a transaction.',
  START: 'Use batch() for a transaction.',
  COMMIT: 'Use batch() for a transaction.',
  END: 'Use batch() for a transaction.',
  ROLLBACK: 'Use batch() for a transaction.',
  SAVEPOINT: 'Use batch() for a transaction.',
  RELEASE: 'Use batch() for a transaction.',
  ATTACH: 'One binding is one database.',
  DETACH: 'One binding is one database.',
  PRAGMA: 'Settings belong to the driver.',
  SET: 'Settings belong to the driver.',
  VACUUM: "Maintenance is the database's own business.",
  COPY: 'It exists on Postgres only.',
}

function checkStatement(text: string, dialect: SqlDialect, engine: boolean, where: Where): Checked {
  const size = utf8Length(text)
  if (size > LIMITS['sql.statement']) throw limitExceeded(where, 'sql.statement', size, LIMITS['sql.statement'])
  checkText(text, where, 'statement')
  if (text.includes('\0')) throw invalidArgument(where, `${where.binding}.${where.operation}: the statement has a NUL character. Bind it as a parameter.`)
  const statements = parse(text, where)
  const [statement] = statements
  if (statement === undefined) throw invalidArgument(where, `${where.binding}.${where.operation}: the statement is empty.`)
  if (statements.length > 1)
    throw invalidArgument(where, `${where.binding}.${where.operation}: ${statements.length} statements in one call. Use batch() with one each.`)
  const refused = engine && statement.keyword === 'PRAGMA' ? undefined : REFUSED[statement.keyword]
  if (refused !== undefined) throw invalidArgument(where, `${where.binding}.${where.operation}: ${statement.keyword} is not portable. ${refused}`)
  const arity = statement.placeholders.reduce((highest, { number }) => Math.max(highest, number), 0)
  if (arity > LIMITS['sql.params']) throw limitExceeded(where, 'sql.params', arity, LIMITS['sql.params'])
  if (statement.compound > LIMITS['sql.compoundSelect']) throw limitExceeded(where, 'sql.compoundSelect', statement.compound, LIMITS['sql.compoundSelect'])
  for (const pattern of statement.patterns) if (typeof pattern === 'string') checkPattern(pattern, where)
  return { text: placeholdersFor(statement, dialect), arity, patterns: statement.patterns.filter((pattern) => typeof pattern === 'number') }
}

function checkPattern(pattern: string, where: Where): void {
  const size = utf8Length(pattern)
  if (size > LIMITS['sql.likePattern']) throw limitExceeded(where, 'sql.likePattern', size, LIMITS['sql.likePattern'])
}

function parse(text: string, where: Where): Statement[] {
  try {
    return parseStatements(text)
  } catch (error) {
    if (error instanceof SqlTextError)
      throw invalidArgument(where, `${where.binding}.${where.operation}: at character ${error.offset + 1}, ${error.message}.`, error)
    throw error
  }
}

/** The statement with numbered placeholders in the dialect's form. */
function placeholdersFor(statement: Statement, dialect: SqlDialect): string {
  let text = ''
  let at = 0
  for (const { start, end, number } of statement.placeholders) {
    text += `${statement.text.slice(at, start)}${dialect === 'postgres' ? '$' : '?'}${number}`
    at = end
  }
  return text + statement.text.slice(at)
}

function checkValue(value: unknown, index: number, where: Where): SqlCell {
  switch (typeof value) {
    case 'string':
      checkText(value, where, `parameter ${index + 1}`)
      checkSize(value.length * 3 > LIMITS['sql.row'] ? utf8Length(value) : 0, where)
      return value
    case 'boolean':
      return value
    case 'number':
      if (!Number.isFinite(value)) break
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
        throw invalidArgument(
          where,
          `${where.binding}.${where.operation}: parameter ${index + 1} is an integer beyond 2^53 - 1, which would be rounded. Bind it as text.`,
        )
      }
      return value
    case 'object':
      if (value === null) return null
      if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
        checkSize(value.byteLength, where)
        return viewBytes(value)
      }
  }
  const what =
    value instanceof Date
      ? 'a Date (bind value.toISOString() or value.getTime())'
      : typeof value === 'number'
        ? String(value)
        : typeof value === 'object'
          ? 'an object (bind JSON.stringify(value))'
          : typeof value
  throw invalidArgument(
    where,
    `${where.binding}.${where.operation}: parameter ${index + 1} is ${what}. Parameters are strings, finite numbers, booleans, null or bytes.`,
  )
}

// One value larger than a row can never be stored; a row of many is the engine's to refuse.
function checkSize(size: number, where: Where): void {
  if (size > LIMITS['sql.row']) throw limitExceeded(where, 'sql.row', size, LIMITS['sql.row'], 'Put the data in a blob and store its key.')
}

function checkColumns(result: SqlResult, where: Where): SqlResult {
  if (result.columns.length > LIMITS['sql.columns']) throw limitExceeded(where, 'sql.columns', result.columns.length, LIMITS['sql.columns'])
  return result
}

function rawResult({ columns, rows, changes, lastRowId }: SqlResult): SqlRawResult {
  return { columns, rows, changes, lastRowId }
}

function toObjects({ columns, rows }: Pick<SqlResult, 'columns' | 'rows'>): SqlRow[] {
  return rows.map((row) => {
    const object: SqlRow = {}
    for (let index = 0; index < columns.length; index++) object[columns[index] as string] = row[index] as SqlCell
    return object
  })
}
