/**
 * Interactive SQL transactions and loops over rows, over a channel such as the test channel. The caller holds
 * a name for each transaction or loop; the other side holds the transaction or the rows.
 */
import type { Sql, SqlTransaction, SqlValue, TransactionOptions } from '../bindings/sql.ts'
import type { SqlCell } from '../bindings/drivers.ts'
import { eachRow, type RowSource } from '../bindings/sql-rows.ts'
import { runTransaction } from '../bindings/sql-transaction.ts'
import { UnmoorError } from '../errors.ts'

/** Methods of an SQL database that only a channel calls, beside those that apps call. */
export const TRANSACTION_METHODS = [
  'beginTransaction',
  'inTransaction',
  'openRows',
  'nextRows',
  'closeRows',
] as const

const STATEMENTS = ['all', 'first', 'value', 'run', 'raw'] as const
const ENDS = ['commit', 'rollback'] as const
type Call = (method: (typeof TRANSACTION_METHODS)[number], args: unknown[]) => Promise<unknown>

/** Maximum number of SQL transactions that one caller of a channel may have open at once. */
const MOST = 100

/** The SQL transactions and rows that one caller has opened through a channel. */
export class OpenTransactions {
  #open = new Map<string, SqlTransaction>()
  /** SQL rows that the loops of a channel's caller read, by name. */
  #rows = new Map<string, RowSource>()
  #closed = false

  /**
   * Runs one of {@link TRANSACTION_METHODS} for a channel's caller. Arguments are checked, since the caller
   * may be hostile.
   */
  async call(database: Sql, binding: string, method: string, args: readonly unknown[]): Promise<unknown> {
    switch (method) {
      case 'beginTransaction':
        return this.#begin(database, binding, args[0] as TransactionOptions | undefined)
      case 'inTransaction':
        return this.#run(binding, args)
      case 'openRows':
        return this.#openRows(database, binding, args)
      case 'nextRows':
        return this.#rows.get(String(args[0]))?.next() ?? []
    }
    return this.#closeRows(args[0])
  }

  async #openRows(session: Sql | SqlTransaction, binding: string, args: readonly unknown[]): Promise<object> {
    if (this.#rows.size >= MOST)
      throw new UnmoorError('Throttled', `${binding}: ${MOST} loops over rows are open. End one first.`, {
        binding,
        operation: 'each',
      })
    const rows = await session.openRows(args[0] as string, args[1] as SqlValue[] | undefined)
    const id = crypto.randomUUID()
    if (this.#closed) await rows.close()
    else this.#rows.set(id, rows)
    return { id, columns: rows.columns }
  }

  async #closeRows(id: unknown): Promise<void> {
    const rows = this.#rows.get(String(id))
    this.#rows.delete(String(id))
    await rows?.close()
  }

  async #begin(database: Sql, binding: string, options: TransactionOptions | undefined): Promise<string> {
    if (this.#open.size >= MOST) for (const [id, { ended }] of this.#open) if (ended) this.#open.delete(id)
    if (this.#open.size >= MOST)
      throw new UnmoorError('Throttled', `${binding}: ${MOST} transactions are open. End one first.`, {
        binding,
        operation: 'transaction',
      })
    const transaction = await database.begin(options ?? {})
    const id = crypto.randomUUID()
    if (this.#closed) await transaction.rollback()
    else this.#open.set(id, transaction)
    return id
  }

  async #run(binding: string, [id, name, ...args]: readonly unknown[]): Promise<unknown> {
    const transaction = typeof id === 'string' ? this.#open.get(id) : undefined
    if (transaction !== undefined && name === 'openRows') return this.#openRows(transaction, binding, args)
    const method = [...STATEMENTS, ...ENDS].find((known) => known === name)
    if (transaction === undefined || method === undefined)
      throw new UnmoorError('InvalidArgument', `${binding}.${String(name)}: the transaction has ended.`, {
        binding,
        operation: String(name),
      })
    if (method === 'commit' || method === 'rollback') this.#open.delete(id as string)
    return (transaction[method] as (...given: readonly unknown[]) => Promise<unknown>).apply(
      transaction,
      args,
    )
  }

  /** Rolls back and closes all SQL transactions and rows, because the channel's caller is gone. */
  close(): void {
    this.#closed = true
    for (const rows of this.#rows.values()) void rows.close().catch(() => {})
    this.#rows.clear()
    for (const transaction of this.#open.values()) void transaction.rollback().catch(() => {})
    this.#open.clear()
  }
}

/**
 * Opens SQL rows on the other side of a channel. Each call fetches a few, and the next call follows when they
 * are used up.
 */
async function openRows(opened: Promise<unknown>, call: Call): Promise<RowSource> {
  const { id, columns } = (await opened) as { id: string; columns: string[] }
  return {
    columns,
    next: () => call('nextRows', [id]) as Promise<SqlCell[][]>,
    close: () => call('closeRows', [id]).then(() => undefined),
  }
}

/**
 * Adds `begin`, `transaction` and `each` to the stub of an SQL database on the caller's side of a channel;
 * they call through `call`.
 */
export function addTransactions(binding: string, stub: Record<string, unknown>, call: Call): void {
  const begin = async (options: TransactionOptions = {}): Promise<SqlTransaction> => {
    const id = await call('beginTransaction', [options])
    const transaction: Record<string, unknown> = { dialect: stub['dialect'] }
    for (const name of [...STATEMENTS, ...ENDS])
      transaction[name] = (...args: unknown[]) => call('inTransaction', [id, name, ...args])
    transaction['each'] = (...args: unknown[]) => {
      return eachRow(() => openRows(call('inTransaction', [id, 'openRows', ...args]), call))
    }
    // The stub of an SQL transaction has every public method of `SqlTransaction`.
    return Object.freeze(transaction) as unknown as SqlTransaction
  }
  const transaction: Sql['transaction'] = (work, options) =>
    runTransaction(() => begin(options), binding, work, options ?? {})
  stub['each'] = (...args: unknown[]) => eachRow(() => openRows(call('openRows', args), call))
  stub['begin'] = begin
  stub['transaction'] = transaction
}
