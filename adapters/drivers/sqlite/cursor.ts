import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SqlCell, SqlCursor } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { prepareArrays } from './array-statement.ts'
import { toUnmoorError } from './errors.ts'

/** Rows and bytes after which a read ends: what is in memory at once. */
const ROWS = 100
const BYTES = 64 * 1024

/** What {@link openCursor} reads. */
export interface CursorOptions {
  database: DatabaseSync
  path: string
  text: string
  params: SQLInputValue[]
  /** Rounds whole numbers beyond 2^53 in place of an error. */
  rounds: boolean
  /** Frees the connection, where it is the cursor's own. */
  close: () => void
}

/** Reads a statement step by step. It has a statement of its own: a cached one would be reset by others. */
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
        // Nothing in a read waits, so without this a loop over many rows would hold up all other requests.
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
        // Resets the statement, which would keep the log of the file from being emptied.
        if (!done && database.isOpen) iterator.return?.()
        close()
      },
    }
  } catch (error) {
    close()
    throw toUnmoorError(error, path)
  }
}

/** SQLite's result code of a write to a connection that only reads. */
const READ_ONLY = 8

function notRead(): UnmoorError {
  return new UnmoorError('InvalidArgument', 'The statement writes, or gives no rows. Use all() or run().')
}

function sizeOf(cell: SqlCell): number {
  return typeof cell === 'string' ? cell.length : cell instanceof Uint8Array ? cell.byteLength : 8
}
