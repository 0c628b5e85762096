import { invalidArgument, isUnmoorError, UnmoorError } from '../errors.ts'
import type { SqlCursor, SqlDialect, SqlQuery, SqlResult, SqlTransactionDriver } from './drivers.ts'
import { annotate, type Where } from './operation.ts'
import { SqlSession } from './sql-session.ts'
import { noCursors } from './sql-rows.ts'
import type { StatementCheck } from './sql-statement.ts'
import { checkOptions } from './options.ts'

/** Options of an SQL database's `transaction` and `begin`. */
export interface TransactionOptions {
  /**
   * Seconds after which the SQL transaction is rolled back, since it blocks others: above 0 to 900. Default:
   * 30.
   */
  timeout?: number
  /**
   * Maximum number of tries of an SQL `transaction` when it conflicts with others, 1 to 1,000. Default: 10.
   */
  attempts?: number
}

/**
 * The methods of an SQL transaction that {@link runTransaction} uses, for a transaction here or at the other
 * end of a channel.
 */
export interface EndedByCaller {
  commit(): Promise<void>
  rollback(): Promise<void>
}

/** Returns the options of an SQL transaction with their defaults. @throws `InvalidArgument`. */
export function checkTransactionOptions(
  options: TransactionOptions,
  where: Where,
): Required<TransactionOptions> {
  checkOptions(options, ['timeout', 'attempts'], where)
  const { timeout = 30, attempts = 10 } = options
  if (typeof timeout !== 'number' || !(timeout > 0 && timeout <= 900))
    throw invalidArgument(
      where,
      `${where.binding}.transaction: timeout is ${timeout}, not seconds from above 0 to 900.`,
    )
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > 1000)
    throw invalidArgument(
      where,
      `${where.binding}.transaction: attempts is ${attempts}, not a whole number from 1 to 1,000.`,
    )
  return { timeout, attempts }
}

/** Runs `Sql.transaction` over anything that begins transactions, with its retries. */
export async function runTransaction<Transaction extends EndedByCaller, T>(
  begin: () => Promise<Transaction>,
  binding: string,
  work: (transaction: Transaction) => Promise<T> | T,
  options: TransactionOptions,
): Promise<T> {
  const where = { binding, operation: 'transaction' }
  if (typeof work !== 'function')
    throw invalidArgument(where, `${binding}.transaction takes a function of the transaction.`)
  const { timeout, attempts } = checkTransactionOptions(options, where)
  for (let attempt = 1; ; attempt++) {
    try {
      const transaction = await begin()
      const result = await within(timeout, transaction, work, where)
      await transaction.commit()
      return result
    } catch (error) {
      // Only a conflict of the SQL transaction itself is retried; a `Conflict` that `work` throws for another
      // binding is passed to the caller.
      if (
        !isUnmoorError(error, 'Conflict') ||
        !error.retryable ||
        error.binding !== binding ||
        attempt === attempts
      )
        throw error
    }
    // A random pause (full jitter), so that SQL transactions that met once do not meet again.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(200, 2 ** attempt)))
  }
}

async function within<Transaction extends EndedByCaller, T>(
  seconds: number,
  transaction: Transaction,
  work: (transaction: Transaction) => Promise<T> | T,
  where: Where,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(timedOut(where, seconds)), seconds * 1000)
  })
  try {
    return await Promise.race([work(transaction), late])
  } catch (error) {
    // The first error of an SQL transaction counts. A transaction that cannot be rolled back ends with its
    // connection.
    await transaction.rollback().catch(() => {})
    throw error
  } finally {
    if (timer !== undefined) clearTimeout(timer)
  }
}

function timedOut(where: Where, seconds: number): UnmoorError {
  return new UnmoorError(
    'Timeout',
    `${where.binding}: the transaction was rolled back after ${seconds} s. Inside it use the ` +
      `transaction that it is given: writes of ${where.binding} itself wait for its end.`,
    where,
  )
}

/**
 * An SQL transaction. After its end every method throws. After a statement that failed it can only be rolled
 * back, on every engine.
 */
export class SqlTransaction extends SqlSession {
  #driver: SqlTransactionDriver
  #timer: ReturnType<typeof setTimeout>
  #state: 'open' | 'committed' | 'rolled back' = 'open'
  #failure: UnmoorError | undefined
  #running = new Set<Promise<unknown>>()

  /** Creates an SQL transaction that is rolled back after `timeout` seconds. @internal */
  constructor(
    driver: SqlTransactionDriver,
    options: { dialect: SqlDialect; binding: string; check: StatementCheck; timeout: number },
  ) {
    super(options.dialect, options.binding, options.check)
    this.#driver = driver
    this.#timer = setTimeout(() => {
      this.#failure = timedOut(this.where('transaction'), options.timeout)
      void this.rollback().catch(() => {})
    }, options.timeout * 1000)
  }

  get ended(): boolean {
    return this.#state !== 'open'
  }

  /** Runs a checked statement in the SQL transaction, which must be open. @internal */
  protected execute(query: SqlQuery, where: Where): Promise<SqlResult> {
    this.#checkOpen(where)
    return this.#run(() => this.#driver.query(query), where)
  }

  /**
   * Opens a cursor in the SQL transaction. Each read is a statement of the transaction, and the end of the
   * transaction closes the cursor. @internal
   */
  protected async cursor(query: SqlQuery, where: Where): Promise<SqlCursor> {
    this.#checkOpen(where)
    if (this.#driver.cursor === undefined) throw noCursors(where)
    const open = this.#driver.cursor.bind(this.#driver)
    const cursor = await this.#run(() => open(query), where)
    return {
      columns: cursor.columns,
      next: async () => {
        this.#checkOpen(where)
        return this.#run(() => cursor.next(), where)
      },
      close: async () => {
        if (!this.ended && this.#failure === undefined) await this.#run(() => cursor.close(), where)
      },
    }
  }

  async #run<T>(work: () => Promise<T>, where: Where): Promise<T> {
    const running = work()
    this.#running.add(running)
    try {
      return await running
    } catch (error) {
      this.#failure ??= annotate(error, where)
      throw error
    } finally {
      this.#running.delete(running)
    }
  }

  /**
   * Commits the SQL transaction. @throws the error of a statement that failed, with nothing kept; `Conflict`
   * if another transaction interfered.
   */
  async commit(): Promise<void> {
    const where = this.where('commit')
    if (this.#state === 'open') await Promise.allSettled(this.#running)
    try {
      this.#checkOpen(where)
    } catch (error) {
      await this.rollback()
      throw error
    }
    this.#end('committed')
    try {
      await this.#driver.commit()
    } catch (error) {
      throw annotate(error, where)
    }
  }

  /** Rolls back the SQL transaction. Does nothing after its end. */
  async rollback(): Promise<void> {
    if (this.#state !== 'open') return
    this.#end('rolled back')
    try {
      await this.#driver.rollback()
    } catch (error) {
      throw annotate(error, this.where('rollback'))
    }
  }

  #end(state: 'committed' | 'rolled back'): void {
    this.#state = state
    clearTimeout(this.#timer)
  }

  #checkOpen(where: Where): void {
    const failure = this.#failure
    if (failure !== undefined) {
      const { code, retryable, details } = failure
      throw new UnmoorError(
        code,
        failure.code === 'Timeout'
          ? failure.message
          : `The transaction can only be rolled back: ${failure.message}`,
        {
          ...where,
          retryable,
          details,
          cause: failure,
        },
      )
    }
    if (this.#state !== 'open')
      throw invalidArgument(
        where,
        `${where.binding}.${where.operation}: the transaction has ended (${this.#state}).`,
      )
  }
}
