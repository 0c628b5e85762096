import type { SQLInputValue, SQLOutputValue } from 'node:sqlite'
import { UnmoorError } from '../../../core/errors.ts'
import type { ArrayStatement } from './array-statement.ts'

/** Bytes that a row and a cell of an SQLite result count in addition to their values. */
const ROW_BYTES = 64
const CELL_BYTES = 16

function sizeOf(row: readonly unknown[]): number {
  let size = ROW_BYTES
  for (const cell of row) {
    size += CELL_BYTES
    if (typeof cell === 'string') size += cell.length
    else if (cell instanceof Uint8Array) size += cell.byteLength
  }
  return size
}

/**
 * Returns the rows of an SQLite statement. With `max`, they are read one by one and their bytes are limited.
 *
 * @throws `LimitExceeded` if the rows have more than `max` bytes.
 */
export function limitedRows(
  statement: ArrayStatement,
  values: SQLInputValue[],
  max = Infinity,
): SQLOutputValue[][] {
  if (max === Infinity) return statement.all(...values)
  const rows: SQLOutputValue[][] = []
  let size = 0
  const iterator = statement.iterate(...values)
  try {
    for (let step = iterator.next(); step.done !== true; step = iterator.next()) {
      size += sizeOf(step.value)
      if (size > max)
        throw new UnmoorError(
          'LimitExceeded',
          `The result of a statement has more than ${max} bytes, the limit of resultBytes. Ask for fewer rows ` +
            'or columns (LIMIT), or raise limits.resultBytes.',
          { details: { limit: 'resultBytes', max } },
        )
      rows.push(step.value)
    }
    return rows
  } catch (error) {
    // Resets the SQLite statement, also if `next` threw, which `for ... of` does not do. An open statement
    // would keep this connection's snapshot of the database, and each write through it would fail with
    // SQLITE_BUSY_SNAPSHOT.
    iterator.return?.()
    throw error
  }
}
