import { invalidArgument, UnmoorError } from '../errors.ts'
import type { SqlCursor, SqlDriver, SqlQuery, SqlResult } from './drivers.ts'
import { annotate, run, type Where } from './operation.ts'
import { checkColumns, rawResult, type SqlRawResult, SqlSession } from './sql-session.ts'
import { type SqlStatement, StatementCheck } from './sql-statement.ts'
import { noCursors } from './sql-rows.ts'
import {
  checkTransactionOptions,
  runTransaction,
  SqlTransaction,
  type TransactionOptions,
} from './sql-transaction.ts'
import type { NativeBinding } from './native.ts'

export type { SqlRawResult, SqlRow, SqlRunResult, SqlSession } from './sql-session.ts'
export type { SqlStatement, SqlValue } from './sql-statement.ts'
export type { SqlTransaction, TransactionOptions } from './sql-transaction.ts'

/**
 * A SQL database, used with the subset that SQLite and Postgres run alike. Placeholders are `?`, `?1` or
 * `$1`; one statement a call; at most 100 parameters and 100,000 bytes of text. Integers beyond 2^53 - 1 are
 * an error, never rounded: cast them to text. Every method takes a text and its parameters, or a statement.
 *
 * Errors: `InvalidArgument` (syntax, arity, types), `AlreadyExists` (unique), `Constraint` with its kind,
 * `NotFound` (no such table), `Conflict` (locked, retry), `Unavailable`.
 */
export class Sql extends SqlSession {
  /**
   * The platform's own binding (Cloudflare's `D1Database`), typed by `import 'unmoor/cloudflare/native'`;
   * undefined on other targets.
   */
  declare readonly native: NativeBinding<'sql'>
  #driver: SqlDriver

  constructor(driver: SqlDriver, options: { binding: string; checks?: 'portable' | 'engine' | undefined }) {
    super(driver.dialect, options.binding, new StatementCheck(driver.dialect, options.checks ?? 'portable'))
    this.#driver = driver
  }

  /**
   * Runs all statements in one transaction; each sees what earlier ones wrote. If one fails nothing is kept,
   * and the error's details have its `index`.
   *
   * @example
   * ```ts
   * const [, count] = await env.db.batch([
   *   sql`INSERT INTO users (name) VALUES (${'Ada'})`,
   *   sql`SELECT count(*) FROM users`,
   * ])
   * ```
   */
  async batch(statements: readonly SqlStatement[]): Promise<SqlRawResult[]> {
    const where = this.where('batch')
    if (!Array.isArray(statements) || statements.length === 0)
      throw invalidArgument(where, `${this.binding}.batch takes an array of at least one statement.`)
    const queries = statements.map((statement, index) => {
      try {
        return this.check.query(statement, undefined, where)
      } catch (error) {
        const known = annotate(error, where)
        known.details.index = index
        throw known
      }
    })
    const results = await run(where, () => this.#driver.batch(queries))
    return results.map((result) => rawResult(checkColumns(result, where)))
  }

  /**
   * Runs `work` in a serializable transaction: what it reads stays true until the commit. The transaction
   * commits when `work` resolves, with its value, and rolls back when it throws. After a conflict with
   * another transaction it is tried again, so `work` may run several times and should have no other effects.
   * `work` must use the given transaction, not the database itself, whose writes wait for the transaction's
   * end.
   *
   * @throws what `work` throws; `Unsupported` (`sql.interactiveTransactions`) if the target's engine has no
   * such transactions, as D1: use {@link batch}; `Timeout` after `timeout` seconds, rolled back; `Conflict`
   * after `attempts` tries; the error of a statement that failed, also if `work` caught it: nothing is kept
   * then.
   *
   * @example
   * ```ts
   * const left = await env.db.transaction(async (tx) => {
   *   const stock = (await tx.value<number>(sql`SELECT stock FROM books WHERE id = ${1}`)) ?? 0
   *   if (stock === 0) throw new Error('sold out')
   *   await tx.run(sql`UPDATE books SET stock = ${stock - 1} WHERE id = ${1}`)
   *   return stock - 1
   * })
   * ```
   */
  async transaction<T>(
    work: (transaction: SqlTransaction) => Promise<T> | T,
    options: TransactionOptions = {},
  ): Promise<T> {
    return runTransaction(() => this.begin(options), this.binding, work, options)
  }

  /**
   * Begins an SQL transaction that the caller ends; for query builders. Apps use {@link transaction}, which
   * throws the same errors. A transaction that is not ended is rolled back after `timeout`.
   */
  async begin(options: TransactionOptions = {}): Promise<SqlTransaction> {
    const where = this.where('transaction')
    const { timeout } = checkTransactionOptions(options, where)
    const begin = this.#driver.begin?.bind(this.#driver)
    if (begin === undefined) throw unsupported(where)
    const driver = await run(where, begin)
    return new SqlTransaction(driver, {
      dialect: this.dialect,
      binding: this.binding,
      check: this.check,
      timeout,
    })
  }

  /** Opens a cursor for a checked statement of the SQL database. @internal */
  protected cursor(query: SqlQuery, where: Where): Promise<SqlCursor> {
    if (this.#driver.cursor === undefined) throw noCursors(where)
    return this.#driver.cursor(query)
  }

  /** Runs a checked statement on the driver of the SQL database. @internal */
  protected execute(query: SqlQuery): Promise<SqlResult> {
    return this.#driver.query(query)
  }
}

function unsupported(where: Where): UnmoorError {
  return new UnmoorError(
    'Unsupported',
    `${where.binding}: this database has no interactive transactions. Use batch(), which every target has.`,
    {
      ...where,
      details: { capability: 'sql.interactiveTransactions' },
    },
  )
}
