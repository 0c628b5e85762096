/**
 * `unmoor/drizzle`: what Drizzle's proxy drivers (`drizzle-orm/sqlite-proxy`, `drizzle-orm/pg-proxy`) call,
 * on a sql binding or a transaction of one. Needs no package itself.
 */
import type { Sql, SqlRawResult, SqlSession, SqlValue } from '../../core/bindings/sql.ts'

/**
 * How Drizzle wants a result: `execute` as objects, all others as arrays of columns, and of `get` the first
 * row alone.
 */
export type DrizzleMethod = 'run' | 'all' | 'values' | 'get' | 'execute'

/** A statement as Drizzle hands it over. */
export interface DrizzleQuery {
  sql: string
  params: unknown[]
  method: DrizzleMethod
}

/** What Drizzle takes of a result, and of `run` how many rows changed. */
export interface DrizzleResult {
  // oxlint-disable-next-line typescript/no-explicit-any -- Drizzle's own signature: rows, or one row
  rows: any[]
  changes?: number
}

/**
 * The callback of `drizzle(createCallback(env.db))`, of either proxy driver. Errors are the binding's;
 * Drizzle has them as the cause of its own.
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
    // Values of other types are refused by the binding, by name.
    const values = params as SqlValue[]
    return method === 'execute'
      ? { rows: await database.all(sql, values) }
      : toResult(method, await database.raw(sql, values))
  }
}

/**
 * The second callback of `drizzle(createCallback(env.db), createBatchCallback(env.db))` of
 * `drizzle-orm/sqlite-proxy`: `db.batch([...])` is the binding's batch, one transaction.
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
  // No row is undefined, which Drizzle's types do not say.
  if (method === 'get') return { rows: rows[0] as unknown[] }
  return method === 'run' ? { rows, changes } : { rows }
}
