import type postgres from 'postgres'
import { isConnectionLost } from './errors.ts'

/**
 * Runs `work` in a Postgres transaction, which commits when `work` resolves and rolls back when it rejects.
 *
 * Where the connection is lost, postgres.js rejects the transaction by itself, and would then still send its
 * ROLLBACK: on the next connection, where another transaction may be under way. So `work` never ends there.
 */
export function inTransaction<T>(
  pool: postgres.Sql,
  work: (session: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  return pool.begin(async (session) => {
    try {
      return await work(session)
    } catch (error) {
      if (!isConnectionLost(error)) throw error
      return new Promise<never>(() => {})
    }
  }) as Promise<T>
}
