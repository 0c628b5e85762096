import {
  type DriverOptionTables,
  type NumberOption,
  type OptionTable,
  TIMEOUT_ONCE_MS,
} from '../../../core/option-table.ts'

/** Options of all sqlite drivers. */
export interface SqliteOptions {
  /**
   * Path of the SQLite file, absolute or relative to the data folder; `:memory:` keeps nothing. Default: one
   * file per kv and sql binding and one for all queues of the app: `APP/kv-NAME.sqlite`,
   * `APP/sql-NAME.sqlite`, `APP/queues.sqlite` in the data folder.
   */
  path?: string
  /**
   * Durability of SQLite writes. `full`: an answered write survives a power cut. `normal`: it survives the
   * end of the process, and the file stays sound. Default: `full` for sql, strong kv and queue sends,
   * `normal` for kv.
   */
  synchronous?: 'full' | 'normal'
  /**
   * Seconds to wait for another process's lock on the SQLite file before `Conflict`, at most 900; fractions
   * are fine. Default: 5.
   */
  busyTimeout?: number
  /**
   * SQLite's journal mode: `wal`, or `delete` for files on a network file system, which WAL's shared memory
   * does not reach. Default: `wal`.
   */
  journal?: 'wal' | 'delete'
  /**
   * If true, "text" in double quotes in SQL is a string if no column has that name, as on D1. Default: false.
   */
  doubleQuotedStrings?: boolean
  /**
   * SQLite features that statements may use: all of SQLite's, or only D1's (no TEMP tables, no functions and
   * virtual tables that reveal facts about the machine). Default: `all`; `d1` for Durable Objects.
   */
  allows?: 'all' | 'd1'
}

/**
 * Options of an sql database on SQLite.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { db: { driver: 'sqlite', path: '/srv/shop.sqlite', busyTimeout: 2 } },
 * })
 * ```
 */
export interface SqliteSqlOptions extends SqliteOptions {
  /**
   * Handling of integers beyond 2^53 - 1 in an SQLite result: an error (`exact`), or the nearest number as on
   * D1 (`round`). Default: `exact`.
   */
  integers?: 'exact' | 'round'
}

/** Validation of the sqlite driver's `busyTimeout`, where 0 means not to wait. */
const BUSY_TIMEOUT: NumberOption = { ...TIMEOUT_ONCE_MS, min: 0 }

const file = {
  path: 'string',
  synchronous: ['full', 'normal'],
  busyTimeout: BUSY_TIMEOUT,
  journal: ['wal', 'delete'],
  doubleQuotedStrings: 'boolean',
  allows: ['all', 'd1'],
} satisfies OptionTable<SqliteOptions>

export const options = {
  kv: file,
  strongKv: file,
  queue: file,
  sql: { ...file, integers: ['exact', 'round'] } satisfies OptionTable<SqliteSqlOptions>,
  objects: file,
  cronStore: file,
} satisfies DriverOptionTables
