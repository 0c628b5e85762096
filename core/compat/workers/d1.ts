import { parseStatements } from '../../bindings/sql-tokenizer.ts'
import type { Sql, SqlRawResult, SqlValue } from '../../bindings/sql.ts'
import { isUnmoorError, type UnmoorError } from '../../errors.ts'
import { backendText } from './errors.ts'
import { asInterface } from './interface.ts'
import { explainRowId, OrderWithoutLimit, withoutLimit } from './sql-limit.ts'

interface Meta extends Record<string, unknown> {
  served_by: string
  duration: number
  changes: number
  last_row_id: number
  changed_db: boolean
  size_after: number
  rows_read: number
  rows_written: number
  served_by_primary: boolean
  timings: { sql_duration_ms: number }
  total_attempts: number
}
interface Result<T> {
  success: true
  meta: Meta
  results: T[]
}

/**
 * Cloudflare's D1Database over a portable sql: https://developers.cloudflare.com/d1/worker-api/. In `meta`,
 * `rows_read` counts rows returned and rows written, `rows_written` only rows written, and `size_after` is
 * always 0. Only D1 bills by these fields.
 */
export class WorkersD1 {
  #sql: () => Sql
  #rowId: LastRowId

  constructor(sql: () => Sql, rowId: LastRowId = { value: 0 }) {
    this.#sql = sql
    this.#rowId = rowId
  }

  prepare(query: string): Statement {
    return new Statement({ sql: this.#sql, rowId: this.#rowId }, String(query))
  }

  async batch<T = unknown>(statements: readonly object[]): Promise<Result<T>[]> {
    const started = performance.now()
    if (statements.length === 0) throw d1Error('D1_ERROR: No SQL statements detected.')
    return d1(async () => {
      const results = await this.#sql().batch(statements.map(bare))
      return results.map((result) => toResult<T>(result, started, this.#rowId))
    })
  }

  /**
   * D1's `exec`: runs each line as a query of one or more whole statements; either all take effect or none.
   */
  async exec(query: string): Promise<{ count: number; duration: number }> {
    const started = performance.now()
    const lines = String(query)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
    const failed = (index: number, message: string, cause?: unknown): Error =>
      d1Error(`D1_EXEC_ERROR: Error in line ${index + 1}: ${lines[index] ?? ''}: ${message}`, cause)
    if (lines.length === 0) throw failed(0, 'No SQL statements detected.')
    const statements: { text: string; line: number }[] = []
    for (const [line, text] of lines.entries()) {
      const found = split(text)
      if (found.length === 0 && !text.startsWith('--'))
        throw failed(line, 'SQL code did not contain a statement.')
      for (const one of found) statements.push({ text: one, line })
    }
    try {
      for (const result of await this.#sql().batch(
        statements.map(({ text }) => ({ text: withoutLimit(text) })),
      ))
        remember(result, this.#rowId)
    } catch (error) {
      if (error instanceof OrderWithoutLimit) throw failed(0, `${error.message}: SQLITE_ERROR`, error)
      if (!isUnmoorError(error)) throw error
      throw failed(statements[error.details.index ?? 0]?.line ?? 0, engineText(error), error)
    }
    return { count: new Set(statements.map(({ line }) => line)).size, duration: performance.now() - started }
  }

  /**
   * Returns a D1 session. The database has no replicas, so a session is the database itself and any bookmark
   * holds.
   */
  withSession(constraintOrBookmark?: string): Session {
    return new Session(this.#sql, constraintOrBookmark, this.#rowId)
  }

  dump(): Promise<ArrayBuffer> {
    return Promise.reject(
      d1Error(
        'D1_ERROR: dump() is not supported outside of Cloudflare. Copy the database with its own tools, ' +
          'such as sqlite3 FILE .dump.',
      ),
    )
  }
}

/** Row id of the D1 database's last insert, which D1 reports after any statement. */
interface LastRowId {
  value: number
}

function remember({ lastRowId }: SqlRawResult, rowId: LastRowId): void {
  if (lastRowId !== undefined) rowId.value = lastRowId
}

interface Database {
  readonly sql: () => Sql
  readonly rowId: LastRowId
}

/** Cloudflare's D1DatabaseSession over a portable sql. */
export class Session {
  #sql: () => Sql
  #bookmark: string | null
  #rowId: LastRowId

  constructor(sql: () => Sql, bookmark: string | undefined, rowId: LastRowId) {
    this.#sql = sql
    this.#rowId = rowId
    this.#bookmark = bookmark === undefined || bookmark.startsWith('first-') ? null : bookmark
  }

  prepare(query: string): Statement {
    return new Statement(
      { sql: this.#sql, rowId: this.#rowId },
      String(query),
      () => (this.#bookmark = BOOKMARK),
    )
  }

  async batch<T = unknown>(statements: readonly object[]): Promise<Result<T>[]> {
    this.#bookmark = BOOKMARK
    return new WorkersD1(this.#sql, this.#rowId).batch<T>(statements)
  }

  getBookmark(): string | null {
    return this.#bookmark
  }
}

const BOOKMARK = '00000000-00000000-00000000-00000000000000000000000000000000'

/** Returns text and parameters of a D1 statement that prepare() made. */
function bare(statement: object): { text: string; params: readonly SqlValue[] } {
  if (!(statement instanceof Statement)) throw new TypeError('batch() takes statements that prepare() made.')
  return { text: withoutLimit(statement.statement), params: statement.params }
}

/** Cloudflare's D1PreparedStatement: SQL text and parameters of a D1 query. */
export class Statement {
  readonly statement: string
  readonly params: readonly SqlValue[]
  #database: Database
  #used: (() => void) | undefined

  constructor(database: Database, text: string, used?: () => void, params: readonly SqlValue[] = []) {
    this.#database = database
    this.#used = used
    this.statement = text
    this.params = params
  }

  bind(...values: unknown[]): Statement {
    return new Statement(this.#database, this.statement, this.#used, values.map(toParam))
  }

  async all<T = Record<string, unknown>>(): Promise<Result<T>> {
    const started = performance.now()
    return d1(async () => toResult<T>(await this.#query(), started, this.#database.rowId))
  }

  run<T = Record<string, unknown>>(): Promise<Result<T>> {
    return this.all()
  }

  first<T = unknown>(column: string): Promise<T | null>
  first<T = Record<string, unknown>>(): Promise<T | null>
  async first(column?: string): Promise<unknown> {
    const result = await d1(() => this.#query())
    const row = toRows(result, 1)[0]
    if (row === undefined) return null
    if (column === undefined) return row
    if (!Object.hasOwn(row, column)) throw d1Error(`D1_COLUMN_NOTFOUND: Column not found (${column})`)
    return row[column] ?? null
  }

  raw<T = unknown[]>(options: { columnNames: true }): Promise<[string[], ...T[]]>
  raw<T = unknown[]>(options?: { columnNames?: false }): Promise<T[]>
  async raw(options?: { columnNames?: boolean }): Promise<unknown> {
    const { columns, rows } = await d1(() => this.#query())
    const values = rows.map((row) => row.map(toCell))
    return options?.columnNames === true ? [columns, ...values] : values
  }

  async #query(): Promise<QueryResult> {
    this.#used?.()
    if (NO_EFFECT.test(this.statement)) return NOTHING
    const statements = this.statement.includes(';') ? split(this.statement) : [this.statement]
    if (statements.length < 2) {
      const result = await this.#database
        .sql()
        .raw(withoutLimit(statements[0] ?? this.statement), this.params)
      remember(result, this.#database.rowId)
      return result
    }
    if (statements.slice(0, -1).some(hasPlaceholder)) throw d1Error(`D1_ERROR: ${ONLY_LAST}`)
    // D1 returns the rows of the last of several statements; the parameters also belong to the last.
    const results = await this.#database.sql().batch(
      statements.map((text, index) => ({
        text: withoutLimit(text),
        params: index === statements.length - 1 ? this.params : [],
      })),
    )
    // Row ids are remembered also for `first()` and `raw()`, which have no meta: D1's next statement reports
    // the id.
    for (const result of results) remember(result, this.#database.rowId)
    const last = results.at(-1) as SqlRawResult
    const before = results.slice(0, -1).reduce((sum, { changes }) => sum + changes, 0)
    return { ...last, before }
  }
}

/** Result of the last of several statements of one D1 query. */
interface QueryResult extends SqlRawResult {
  /** Number of rows that the earlier statements of a D1 query changed. Default: 0. */
  before?: number
}

const NOTHING: SqlRawResult = { columns: [], rows: [], changes: 0, lastRowId: undefined }
/**
 * Matches `PRAGMA foreign_keys`, which has no effect on D1: each call is a transaction, in which foreign keys
 * cannot be switched.
 */
const NO_EFFECT = /^\s*pragma\s+foreign_keys\s*=/i

const ONLY_LAST =
  'When executing multiple SQL statements in a single call, only the last statement can have parameters.'

function hasPlaceholder(text: string): boolean {
  return parseStatements(text).some(({ placeholders }) => placeholders.length > 0)
}

function split(text: string): string[] {
  try {
    return parseStatements(text).map((statement) => statement.text)
  } catch {
    // SQL that cannot be parsed is passed to the database, which refuses it in its own words.
    return [text]
  }
}

function toParam(value: unknown): SqlValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      // NaN and infinity among D1 parameters become NULL, as numbers pass through JSON on D1.
      return Number.isFinite(value) ? value : null
    case 'object':
      if (value === null || value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return value
      // D1 accepts and returns blobs as arrays of bytes.
      if (Array.isArray(value) && value.every((byte) => typeof byte === 'number'))
        return Uint8Array.from(value)
  }
  throw d1Error(`D1_TYPE_ERROR: Type '${typeof value}' not supported for value '${String(value)}'`)
}

function toCell(value: unknown): unknown {
  return value instanceof Uint8Array ? [...value] : value
}

function toRows({ columns, rows }: SqlRawResult, most = rows.length): Record<string, unknown>[] {
  const all: Record<string, unknown>[] = []
  for (let at = 0; at < rows.length && at < most; at++) {
    const row = rows[at] as unknown[]
    const object: Record<string, unknown> = {}
    for (let index = 0; index < columns.length; index++) object[columns[index] as string] = toCell(row[index])
    all.push(object)
  }
  return all
}

/** Converts a portable sql's result to D1's shape; the caller chooses the type `T` of the rows. */
function toResult<T>(result: QueryResult, started: number, rowId: LastRowId): Result<T> {
  const { changes, rows, before = 0 } = result
  remember(result, rowId)
  const duration = performance.now() - started
  return {
    success: true,
    meta: {
      served_by: 'unmoor',
      served_by_primary: true,
      timings: { sql_duration_ms: duration },
      total_attempts: 1,
      duration,
      changes: before + changes,
      last_row_id: rowId.value,
      changed_db: before + changes > 0,
      size_after: 0,
      rows_read: rows.length + changes,
      rows_written: changes,
    },
    results: toRows(result) as T[],
  }
}

/**
 * Creates an error of D1. Its cause has the same message without a prefix such as `D1_ERROR: `, which older
 * Workers read; the cause of that cause is our own error.
 */
function d1Error(message: string, cause?: unknown): Error {
  const inner = message.replace(/^D1_\w+: /, '')
  return new Error(message, { cause: new Error(inner, cause === undefined ? undefined : { cause }) })
}

async function d1<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof OrderWithoutLimit) throw d1Error(`D1_ERROR: ${error.message}: SQLITE_ERROR`, error)
    throw isUnmoorError(error) ? d1Error(`D1_ERROR: ${engineText(error)}`, error) : error
  }
}

/** Returns SQLite's own message and result code for an error of a sql binding. */
function engineText(error: UnmoorError): string {
  const text = explainRowId(backendText(error))
  if (error.code === 'InvalidArgument' && error.cause === undefined) {
    if (/\d+ parameters, \d+ were given/.test(text))
      return 'Wrong number of parameter bindings for SQL query.'
    if (/the statement is empty/.test(text)) return 'No SQL statements detected.'
    if (/(?:BEGIN|START|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE) is not portable/.test(text))
      return (
        'To execute a transaction, please use the batch() API instead of the SQL BEGIN TRANSACTION ' +
        'or SAVEPOINT statements.'
      )
    if (/is not portable/.test(text)) return 'not authorized: SQLITE_AUTH'
  }
  if (text === 'not authorized') return 'not authorized: SQLITE_AUTH'
  const prohibited = /^access to (\w+)\.\w+ is prohibited/.exec(text)?.[1]
  if (prohibited !== undefined) return `no such table: ${prohibited}: SQLITE_ERROR`
  if (error.details.limit === 'sql.likePattern') return 'LIKE or GLOB pattern too complex: SQLITE_ERROR'
  if (error.details.limit === 'sql.statement') return 'statement too long: SQLITE_TOOBIG'
  const extended = EXTENDED[error.details.kind ?? '']
  const code =
    error.code === 'AlreadyExists' && error.details.kind === 'table' ? undefined : CODES[error.code]
  const more = code === 'SQLITE_CONSTRAINT' && extended !== undefined ? ` (extended: ${extended})` : ''
  return `${text}: ${code ?? 'SQLITE_ERROR'}${more}`
}

const CODES: Readonly<Record<string, string>> = {
  AlreadyExists: 'SQLITE_CONSTRAINT',
  Constraint: 'SQLITE_CONSTRAINT',
  Conflict: 'SQLITE_BUSY',
}
const EXTENDED: Readonly<Record<string, string>> = {
  unique: 'SQLITE_CONSTRAINT_UNIQUE',
  foreignKey: 'SQLITE_CONSTRAINT_FOREIGNKEY',
  notNull: 'SQLITE_CONSTRAINT_NOTNULL',
  check: 'SQLITE_CONSTRAINT_CHECK',
  trigger: 'SQLITE_CONSTRAINT_TRIGGER',
}

asInterface(WorkersD1, 'D1Database')
asInterface(Statement, 'D1PreparedStatement')
asInterface(Session, 'D1DatabaseSession')
