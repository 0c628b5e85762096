/**
 * Interactive transactions over a channel: the caller has a name of each, the other side the transaction
 * itself.
 */
import type { Sql, SqlTransaction, TransactionOptions } from '../bindings/sql.ts'
import { runTransaction } from '../bindings/sql-transaction.ts'
import { UnmoorError } from '../errors.ts'

/** Methods of a database over a channel, beside those that apps call. */
export const TRANSACTION_METHODS = ['beginTransaction', 'inTransaction'] as const

const STATEMENTS = ['all', 'first', 'value', 'run', 'raw'] as const
const ENDS = ['commit', 'rollback'] as const
type Call = (method: (typeof TRANSACTION_METHODS)[number], args: unknown[]) => Promise<unknown>

/** Transactions that one caller may have open at once. */
const MOST = 100

/** The transactions that the other side of one channel has open. */
export class OpenTransactions {
  #open = new Map<string, SqlTransaction>()
  #closed = false

  /** Runs one of {@link TRANSACTION_METHODS}; arguments are checked, as the caller may have made them up. */
  async call(database: Sql, binding: string, method: string, args: readonly unknown[]): Promise<unknown> {
    return method === 'beginTransaction'
      ? this.#begin(database, binding, args[0] as TransactionOptions | undefined)
      : this.#run(binding, args)
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

  /** The caller is gone. */
  close(): void {
    this.#closed = true
    for (const transaction of this.#open.values()) void transaction.rollback().catch(() => {})
    this.#open.clear()
  }
}

/** Gives a database's stub `begin` and `transaction`, which call through `call`. */
export function addTransactions(binding: string, stub: Record<string, unknown>, call: Call): void {
  const begin = async (options: TransactionOptions = {}): Promise<SqlTransaction> => {
    const id = await call('beginTransaction', [options])
    const transaction: Record<string, unknown> = { dialect: stub['dialect'] }
    for (const name of [...STATEMENTS, ...ENDS])
      transaction[name] = (...args: unknown[]) => call('inTransaction', [id, name, ...args])
    // It has every public method of the class.
    return Object.freeze(transaction) as unknown as SqlTransaction
  }
  const transaction: Sql['transaction'] = (work, options) =>
    runTransaction(() => begin(options), binding, work, options ?? {})
  stub['begin'] = begin
  stub['transaction'] = transaction
}
