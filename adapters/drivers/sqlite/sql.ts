import { existsSync } from 'node:fs'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type {
  DriverFactory,
  SqlCell,
  SqlCursor,
  SqlDriver,
  SqlQuery,
  SqlResult,
  SqlTransactionDriver,
} from '../../../core/bindings/drivers.ts'
import { type ErrorDetails, isUnmoorError, UnmoorError } from '../../../core/errors.ts'
import { LIMITS } from '../../../core/limits.ts'
import { fileName } from '../shared/location.ts'
import { type ArrayStatement, prepareArrays } from './array-statement.ts'
import { authorize, limitGrowth } from './authorizer.ts'
import { openCursor } from './cursor.ts'
import { limitedRows } from './result-limit.ts'
import { toUnmoorError } from './errors.ts'
import { holdLock } from './lock.ts'
import { busyTimeout, databasePath, inTransaction, openDatabase } from './open.ts'
import { type Prepared, StatementCache } from './statements.ts'
import { beginTransaction } from './transaction.ts'
import { type WriterTurn, writerTurn } from './writer-turn.ts'
import type { SqliteSqlOptions } from './options.ts'

/**
 * SQL driver on one SQLite file, with the portable limits (D1's) set natively. Calls are synchronous and
 * block the process while they run.
 */
export const sql: DriverFactory<'sql', SqliteSqlOptions> = (options, context) => {
  const path = databasePath(options, context, `sql-${fileName(context.binding)}`)
  if (context.readOnly !== true) return new SqliteSql(path, options)
  return new SqliteSql(existsSync(path) ? path : ':memory:', { ...options, readOnly: true })
}

type ConnectionOptions = SqliteSqlOptions & { readOnly?: boolean }

/** Sets D1's limits on an SQLite database; a Durable Object's database has the same limits. */
export function setPortableLimits(database: DatabaseSync): void {
  const { limits } = database
  limits.length = LIMITS['sql.row']
  limits.column = LIMITS['sql.columns']
  limits.compoundSelect = LIMITS['sql.compoundSelect']
  limits.likePatternLength = LIMITS['sql.likePattern']
  limits.exprDepth = LIMITS['sql.expressionDepth']
  limits.attach = 0
}

class SqliteSql implements SqlDriver {
  readonly dialect = 'sqlite'
  #path: string
  #options: ConnectionOptions
  #main: Connection
  /**
   * SQLite connection of transactions that run the app's code: other queries go on reading the state before
   * the transaction. Opened for the first transaction.
   */
  #second: Connection | undefined
  /** SQLite connections of open cursors. */
  #cursors = new Set<DatabaseSync>()
  #growth: number | undefined
  #result: number | undefined
  #turn: WriterTurn
  #leaveTurn: () => void

  constructor(path: string, options: ConnectionOptions) {
    this.#path = path
    this.#options = options
    this.#main = new Connection(path, options)
    const { turn, close } = writerTurn(path)
    this.#turn = turn
    this.#leaveTurn = close
  }

  async query(query: SqlQuery, signal?: AbortSignal): Promise<SqlResult> {
    checkSignal(signal)
    try {
      while (this.#turn.held && this.#mustWait(query)) await this.#turn.ended()
      return this.#main.query(query)
    } catch (error) {
      throw toUnmoorError(error, this.#path)
    }
  }

  /**
   * True if an SQLite query must wait for an open transaction. Reads wait only for an in-memory database,
   * which has a single connection.
   */
  #mustWait(query: SqlQuery): boolean {
    return this.#path === ':memory:' || !this.#main.isRead(query)
  }

  async batch(queries: readonly SqlQuery[], signal?: AbortSignal): Promise<SqlResult[]> {
    checkSignal(signal)
    while (this.#turn.held) await this.#turn.ended()
    let index: number | undefined
    try {
      return inTransaction(this.#main.database, () => {
        const results = queries.map((query, at) => {
          index = at
          return this.#main.run(query)
        })
        // A later failure of the SQLite batch comes from its commit (a deferred constraint), so it has no
        // statement's index.
        index = undefined
        return results
      })
    } catch (error) {
      throw withIndex(toUnmoorError(error, this.#path), index)
    }
  }

  /**
   * Opens a cursor on an SQLite connection of its own, which only reads, because other queries write and read
   * meanwhile.
   */
  async cursor({ text, params }: SqlQuery): Promise<SqlCursor> {
    const rounds = this.#options.integers === 'round'
    const values = params.map(toInput)
    if (this.#path === ':memory:') {
      while (this.#turn.held) await this.#turn.ended()
      return this.#main.cursor({ text, params })
    }
    const database = openDatabase(this.#path, { synchronous: 'full', ...this.#options })
    setPortableLimits(database)
    database.exec('PRAGMA query_only = ON')
    authorize(database, this.#options)
    this.#cursors.add(database)
    const close = (): void => {
      this.#cursors.delete(database)
      if (database.isOpen) database.close()
    }
    return openCursor({ database, path: this.#path, text, params: values, rounds, close })
  }

  async begin(): Promise<SqlTransactionDriver> {
    // Transactions on `:memory:` use the main SQLite connection, because a second connection would open
    // another database.
    if (this.#path === ':memory:') return beginTransaction(this.#main, this.#turn, 0)
    if (this.#second === undefined) {
      this.#second = new Connection(this.#path, { ...this.#options, busyTimeout: 0 })
      this.#second.maxResult = this.#result
      if (this.#growth !== undefined) limitGrowth(this.#second.database, this.#growth, this.#options)
    }
    return beginTransaction(this.#second, this.#turn, busyTimeout(this.#options, this.#path))
  }

  limitGrowth(bytes: number): void {
    this.#growth = bytes
    limitGrowth(this.#main.database, bytes, this.#options)
    if (this.#second !== undefined) limitGrowth(this.#second.database, bytes, this.#options)
  }

  limitResult(bytes: number): void {
    this.#result = bytes
    this.#main.maxResult = bytes
    if (this.#second !== undefined) this.#second.maxResult = bytes
  }

  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#path === ':memory:' ? work() : holdLock(`${this.#path}.lock`, work)
  }

  close(): void {
    for (const database of this.#cursors) database.close()
    this.#main.database.close()
    this.#second?.database.close()
    this.#leaveTurn()
  }
}

/** One SQLite connection with its prepared statements. */
class Connection {
  readonly database: DatabaseSync
  readonly path: string
  /** Maximum bytes of an SQLite result. Default: no limit. */
  maxResult: number | undefined
  #statements: StatementCache
  #rounds: boolean
  #changes: ArrayStatement<[changes: bigint, lastRowId: bigint]>
  #total: StatementSync

  constructor(path: string, options: ConnectionOptions) {
    const database = openDatabase(path, { synchronous: 'full', ...options })
    setPortableLimits(database)
    authorize(database, options)
    this.database = database
    this.path = path
    this.#rounds = options.integers === 'round'
    this.#statements = new StatementCache(database)
    this.#changes = prepareArrays(database, 'SELECT changes(), last_insert_rowid()')
    this.#changes.setReadBigInts(true)
    this.#total = database.prepare('SELECT total_changes() AS total')
  }

  isRead({ text }: SqlQuery): boolean {
    const { returns, writes } = this.#statements.get(text)
    return returns && !writes
  }

  /** Runs a single SQLite statement outside of a transaction. */
  query(query: SqlQuery): SqlResult {
    const prepared = this.#statements.get(query.text)
    // An SQLite result that cannot be returned (an integer too large) must undo the write that made it.
    if (prepared.writes && prepared.returns)
      return inTransaction(this.database, () => this.#run(prepared, query.params))
    return this.#run(prepared, query.params)
  }

  /** Reads a statement step by step on this SQLite connection. */
  cursor({ text, params }: SqlQuery): SqlCursor {
    const { database, path } = this
    return openCursor({
      database,
      path,
      text,
      params: params.map(toInput),
      rounds: this.#rounds,
      close() {},
    })
  }

  /** Runs a statement of an SQLite transaction. */
  run({ text, params }: SqlQuery): SqlResult {
    return this.#run(this.#statements.get(text), params)
  }

  #run(prepared: Prepared, params: readonly SqlCell[]): SqlResult {
    const { statement, returns, writes } = prepared
    const values =
      params.includes(true) || params.includes(false) ? params.map(toInput) : (params as SQLInputValue[])
    const before = prepared.guessed ? this.#total.get()?.['total'] : undefined
    if (!returns) {
      const { changes, lastInsertRowid } = statement.run(...values)
      if (!writes) return { columns: [], rows: [], changes: 0 }
      return {
        columns: [],
        rows: [],
        changes: Number(changes),
        ...rowId(prepared, BigInt(changes), BigInt(lastInsertRowid)),
      }
    }
    // Rows of an SQLite result are arrays, so that columns of the same name are both kept.
    const rows = this.#rows(prepared, values)
    // The column names of a result are copied, because the caller may change them.
    const columns = [...prepared.columns.get()]
    if (!writes || (prepared.guessed && this.#total.get()?.['total'] === before))
      return { columns, rows, changes: 0 }
    const [changes = 0n, last = 0n] = this.#changes.get() ?? []
    return { columns, rows, changes: Number(changes), ...rowId(prepared, changes, last) }
  }

  #rows({ statement, writes }: Prepared, values: SQLInputValue[]): SqlCell[][] {
    // An SQLite statement that writes is run only once: it cannot be run again to round its integers.
    if (!this.#rounds || !writes) {
      try {
        return limitedRows(statement, values, this.maxResult) as SqlCell[][]
      } catch (error) {
        if (!this.#rounds || (error as { code?: unknown }).code !== 'ERR_OUT_OF_RANGE') throw error
      }
    }
    statement.setReadBigInts(true)
    try {
      const rows = limitedRows(statement, values, this.maxResult) as (SqlCell | bigint)[][]
      return rows.map((row) => row.map((cell) => (typeof cell === 'bigint' ? Number(cell) : cell)))
    } finally {
      statement.setReadBigInts(false)
    }
  }
}

function toInput(value: SqlCell): SQLInputValue {
  return typeof value === 'boolean' ? Number(value) : value
}

function rowId({ inserts }: Prepared, changes: bigint, last: bigint): { lastRowId?: number } {
  return inserts && changes > 0n && last <= Number.MAX_SAFE_INTEGER && last >= Number.MIN_SAFE_INTEGER
    ? { lastRowId: Number(last) }
    : {}
}

function withIndex(error: unknown, index: number | undefined): unknown {
  if (index === undefined || !isUnmoorError(error)) return error
  const details: ErrorDetails = { ...error.details, index }
  return new UnmoorError(error.code, error.message, {
    retryable: error.retryable,
    mayHaveApplied: error.mayHaveApplied,
    details,
    cause: error.cause,
  })
}

function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new UnmoorError('Aborted', 'The query was aborted before it began.', { cause: signal.reason })
}
