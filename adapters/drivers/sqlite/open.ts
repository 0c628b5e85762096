import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { dataPath, makeFolder } from '../shared/location.ts'
import { toUnmoorError } from './errors.ts'

/** Milliseconds, where `busyTimeout` says no other. */
export const BUSY_TIMEOUT = 5000

/** Options of all sqlite drivers. */
export interface SqliteOptions {
  /**
   * The database's file, absolute or relative to the data folder; `:memory:` keeps nothing. Default: a file of its own per kv and sql binding,
   * one for all queues of the app: `APP/kv-NAME.sqlite`, `APP/sql-NAME.sqlite`, `APP/queues.sqlite` in the data folder.
   */
  path?: string
  /** `full`: a write that was answered survives a power cut. `normal`: it survives the process, and the file stays sound. Default: `full` for sql, strong kv and queue sends, `normal` for kv. */
  synchronous?: 'full' | 'normal'
  /** Milliseconds to wait for another process's lock before `Conflict`. Default: 5,000. */
  busyTimeout?: number
  /** SQLite's journal: `wal`, or `delete` for files on a network file system, which WAL's shared memory does not reach. Default: `wal`. */
  journal?: 'wal' | 'delete'
  /** Whether "text" in double quotes is a string where no column has that name, as on D1. Default: false. */
  doubleQuotedStrings?: boolean
}

/** The file of a binding; `file` is the default's name without the ending. */
export function databasePath(options: SqliteOptions, context: DriverContext, file: string): string {
  if (options.path === ':memory:') return ':memory:'
  return dataPath(options.path, context, `${file}.sqlite`)
}

/** Opens a database, in WAL mode unless the options say otherwise. A file that is no sound database is an error that names it; it is never overwritten. */
export function openDatabase(path: string, options: SqliteOptions & { synchronous: 'full' | 'normal' }): DatabaseSync {
  if (path !== ':memory:') makeFolder(dirname(path))
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, {
      timeout: options.busyTimeout ?? BUSY_TIMEOUT,
      enableForeignKeyConstraints: true,
      enableDoubleQuotedStringLiterals: options.doubleQuotedStrings ?? false,
      allowExtension: false,
    })
    database.exec(
      `PRAGMA journal_mode = ${options.journal === 'delete' ? 'DELETE' : 'WAL'}; PRAGMA synchronous = ${options.synchronous === 'full' ? 'FULL' : 'NORMAL'}; PRAGMA temp_store = MEMORY`,
    )
    return database
  } catch (error) {
    database?.close()
    throw toUnmoorError(error, path)
  }
}

interface Ends {
  begin: StatementSync
  commit: StatementSync
}

/** Prepared once per connection: SQLite would read the text each time. */
const ends = new WeakMap<DatabaseSync, Ends>()

function endsOf(database: DatabaseSync): Ends {
  const known = ends.get(database)
  if (known !== undefined) return known
  const made = { begin: database.prepare('BEGIN IMMEDIATE'), commit: database.prepare('COMMIT') }
  ends.set(database, made)
  return made
}

/** Runs `work` in a write transaction; whatever it throws rolls all back. It must not await: one connection serves all callers. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  const { begin, commit } = endsOf(database)
  begin.run()
  try {
    const result = work()
    commit.run()
    return result
  } catch (error) {
    // SQLite itself rolls back after some errors, such as a full disk.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}
