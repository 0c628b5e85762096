import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SqlCell, SqlCursor } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { prepareArrays } from './array-statement.ts'
import { toUnmoorError } from './errors.ts'

/**
 * Number of rows and of bytes after which a read of an SQLite cursor ends, which bounds the memory of a read.
 */
const ROWS = 100
const BYTES = 64 * 1024

/** Options of {@link openCursor}, which reads the rows of an SQLite statement step by step. */
export interface CursorOptions {
  database: DatabaseSync
  path: string
  text: string
  params: SQLInputValue[]
  /**
   * If true, whole numbers beyond 2^53 in an SQLite cursor's rows are rounded; otherwise they are an error.
   */
  rounds: boolean
  /** Frees the SQLite connection, if the cursor has one of its own. */
  close: () => void
}

/**
 * Reads an SQLite statement step by step. The cursor prepares a statement of its own, because other users
 * would reset a cached one.
 */
export function openCursor({ database, path, text, params, rounds, close }: CursorOptions): SqlCursor {
  try {
    const statement = prepareArrays<(SqlCell | bigint)[]>(database, text)
    const columns = statement.columns().map(({ name }) => name)
    if (columns.length === 0) throw notRead()
    if (rounds) statement.setReadBigInts(true)
    const iterator = statement.iterate(...params)
    let isFirst = true
    let done = false
    return {
      columns,
      async next() {
        const rows: SqlCell[][] = []
        // Before each further read of an SQLite cursor other requests have a turn of the event loop;
        // otherwise a loop over many rows would block them.
        if (!isFirst) await nextTurn()
        isFirst = false
        try {
          for (let bytes = 0; !done && rows.length < ROWS && bytes < BYTES;) {
            const step = iterator.next()
            done = step.done === true
            if (step.done === true) break
            const row = step.value.map((cell) => (typeof cell === 'bigint' ? Number(cell) : cell))
            for (const cell of row) bytes += sizeOf(cell)
            rows.push(row)
          }
        } catch (error) {
          done = true
          iterator.return?.()
          throw (error as { errcode?: number }).errcode === READ_ONLY ? notRead() : toUnmoorError(error, path)
        }
        return rows
      },
      async close() {
        // Resets the cursor's statement, because an open statement keeps SQLite from emptying the file's log.
        if (!done && database.isOpen) iterator.return?.()
        close()
      },
    }
  } catch (error) {
    close()
    throw toUnmoorError(error, path)
  }
}

/** SQLite's result code for a write on a read-only connection. */
const READ_ONLY = 8

function notRead(): UnmoorError {
  return new UnmoorError('InvalidArgument', 'The statement writes, or gives no rows. Use all() or run().')
}

function sizeOf(cell: SqlCell): number {
  return typeof cell === 'string' ? cell.length : cell instanceof Uint8Array ? cell.byteLength : 8
}
