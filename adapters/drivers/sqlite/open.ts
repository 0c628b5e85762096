import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { dataPath, makeFolder } from '../shared/location.ts'
import { toMilliseconds } from '../shared/timeout.ts'
import { toUnmoorError } from './errors.ts'
import type { SqliteOptions } from './options.ts'

/** Returns the sqlite driver's option `busyTimeout` in milliseconds. */
export function busyTimeout(options: SqliteOptions, name: string): number {
  return toMilliseconds(options.busyTimeout ?? 5, 'busyTimeout', name, true)
}

/**
 * Returns the path of a binding's SQLite database; `file` is the name of the default file without its ending.
 */
export function databasePath(options: SqliteOptions, context: DriverContext, file: string): string {
  if (options.path === ':memory:') return ':memory:'
  return dataPath(options.path, context, `${file}.sqlite`)
}

/** Settings of {@link openDatabase} besides the driver's options. */
export interface OpenSettings {
  synchronous: 'full' | 'normal'
  /** If true, statements that write fail, and the file's journal mode stays as it is. Default: false. */
  readOnly?: boolean | undefined
}

/**
 * Opens an SQLite database, in WAL mode unless the options say otherwise. A file that is not a sound database
 * is an error that names the file; it is never overwritten.
 */
export function openDatabase(path: string, options: SqliteOptions & OpenSettings): DatabaseSync {
  if (path !== ':memory:') makeFolder(dirname(path))
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, {
      timeout: busyTimeout(options, path),
      enableForeignKeyConstraints: true,
      enableDoubleQuotedStringLiterals: options.doubleQuotedStrings ?? false,
      allowExtension: false,
    })
    // A connection with SQLite's own flag for reads alone would leave a -wal and a -shm file behind.
    if (options.readOnly === true) database.exec('PRAGMA query_only = ON')
    else setJournal(database, options.journal === 'delete' ? 'DELETE' : 'WAL', busyTimeout(options, path))
    database.exec(
      `PRAGMA synchronous = ${options.synchronous === 'full' ? 'FULL' : 'NORMAL'}; PRAGMA temp_store = MEMORY`,
    )
    return database
  } catch (error) {
    database?.close()
    throw toUnmoorError(error, path)
  }
}

/** SQLite's result code for a file that another connection has locked. */
const BUSY = 5
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/**
 * Sets SQLite's journal mode. If several processes create a file at once, SQLite refuses one of them at once,
 * because both would wait for each other for ever. So this function waits and retries.
 */
function setJournal(database: DatabaseSync, mode: string, timeout: number): void {
  for (const end = performance.now() + timeout; ;) {
    try {
      database.exec(`PRAGMA journal_mode = ${mode}`)
      return
    } catch (error) {
      const { errcode = 0 } = error as { errcode?: number }
      if ((errcode & 0xff) !== BUSY || performance.now() >= end) throw error
      Atomics.wait(sleeper, 0, 0, 5 + 20 * Math.random())
    }
  }
}

interface Ends {
  begin: StatementSync
  commit: StatementSync
}

/**
 * The BEGIN and COMMIT statements, prepared once per connection because SQLite would otherwise parse their
 * text each time.
 */
const ends = new WeakMap<DatabaseSync, Ends>()

function endsOf(database: DatabaseSync): Ends {
  const known = ends.get(database)
  if (known !== undefined) return known
  const made = { begin: database.prepare('BEGIN IMMEDIATE'), commit: database.prepare('COMMIT') }
  ends.set(database, made)
  return made
}

/**
 * Runs `work` in an SQLite write transaction, which rolls back if `work` throws. `work` must not await,
 * because one connection serves all callers.
 */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  const { begin, commit } = endsOf(database)
  begin.run()
  try {
    const result = work()
    commit.run()
    return result
  } catch (error) {
    // After some errors, such as a full disk, SQLite has already rolled the transaction back.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}
