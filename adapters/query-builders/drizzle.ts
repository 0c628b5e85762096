/**
 * `unmoor/drizzle`: callbacks for Drizzle's proxy drivers (`drizzle-orm/sqlite-proxy`,
 * `drizzle-orm/pg-proxy`) over a sql binding or a transaction. This module imports no package.
 */
import type { Sql, SqlRawResult, SqlSession, SqlValue } from '../../core/bindings/sql.ts'

/**
 * Form in which Drizzle wants a result: `execute` wants rows as objects, the other methods want rows as
 * arrays of columns, and `get` wants only the first row.
 */
export type DrizzleMethod = 'run' | 'all' | 'values' | 'get' | 'execute'

/** A statement as Drizzle passes it to a proxy driver's callback. */
export interface DrizzleQuery {
  sql: string
  params: unknown[]
  method: DrizzleMethod
}

/** Result that Drizzle reads: the rows, and for `run` the number of changed rows. */
export interface DrizzleResult {
  // oxlint-disable-next-line typescript/no-explicit-any -- Drizzle's own signature: rows, or one row
  rows: any[]
  changes?: number
}

/**
 * Creates the callback for `drizzle(createCallback(env.db))`, for either proxy driver. Errors are those of
 * the binding; Drizzle sets them as the `cause` of its own error.
 *
 * @example
 * ```ts
 * import { drizzle } from 'drizzle-orm/sqlite-proxy'
 * import { createCallback } from 'unmoor/drizzle'
 *
 * const db = drizzle(createCallback(env.db))
 * ```
 */
export function createCallback(
  database: SqlSession,
): (sql: string, params: unknown[], method: DrizzleMethod) => Promise<DrizzleResult> {
  return async (sql, params, method) => {
    // The cast is safe: the sql binding refuses query parameters of unsupported types.
    const values = params as SqlValue[]
    return method === 'execute'
      ? { rows: await database.all(sql, values) }
      : toResult(method, await database.raw(sql, values))
  }
}

/**
 * Creates the second callback of `drizzle(createCallback(env.db), createBatchCallback(env.db))` from
 * `drizzle-orm/sqlite-proxy`. `db.batch([...])` then runs as the binding's batch, in one transaction.
 */
export function createBatchCallback(database: Sql): (queries: DrizzleQuery[]) => Promise<DrizzleResult[]> {
  return async (queries) => {
    const results = await database.batch(
      queries.map(({ sql, params }) => ({ text: sql, params: params as SqlValue[] })),
    )
    return results.map((result, index) => toResult(queries[index]?.method ?? 'all', result))
  }
}

function toResult(method: DrizzleMethod, { rows, changes }: SqlRawResult): DrizzleResult {
  // If `get` finds no row, Drizzle expects `rows` to be undefined, which its types do not allow.
  if (method === 'get') return { rows: rows[0] as unknown[] }
  return method === 'run' ? { rows, changes } : { rows }
}
