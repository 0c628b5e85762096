import type { SqlCell, SqlCursor, SqlQuery, SqlResult } from '../../../core/bindings/drivers.ts'
import { isUnmoorError, UnmoorError } from '../../../core/errors.ts'

/**
 * Number of rows of a Postgres cursor's first read, maximum rows of any read, and the target bytes of a read,
 * all of which are in memory at once.
 */
const FIRST = 10
const ROWS = 100
const BYTES = 64 * 1024
/**
 * Postgres's error codes for a write in a read-only transaction, and for a statement that cannot have a
 * cursor.
 */
const NOT_READ: ReadonlySet<unknown> = new Set(['25006', '0A000'])

let cursors = 0

/**
 * Reads a statement through a server-side Postgres cursor, in the transaction that `run` uses. The number of
 * rows of each read is estimated from the bytes of the rows before. `run` must not prepare statements: the
 * text of a read is the same for cursors with other columns.
 */
export async function openCursor(
  run: (query: SqlQuery) => Promise<SqlResult>,
  { text, params }: SqlQuery,
  end: (name: string) => Promise<void>,
): Promise<SqlCursor> {
  const name = `unmoor_rows_${++cursors}`
  let count = FIRST
  const fetch = async (): Promise<SqlResult> => {
    const result = await run({ text: `FETCH ${count} FROM ${name}`, params: [] })
    const bytes = Math.max(
      1,
      result.rows.reduce((sum, row) => sum + sizeOf(row), 0),
    )
    count = Math.max(1, Math.min(ROWS, Math.floor((BYTES * Math.max(1, result.rows.length)) / bytes)))
    return result
  }
  let first: SqlResult | undefined
  try {
    await run({ text: `DECLARE ${name} NO SCROLL CURSOR FOR ${text}`, params })
    first = await fetch()
  } catch (error) {
    await end(name).catch(() => {})
    throw refused(error)
  }
  return {
    columns: first.columns,
    async next() {
      const { rows } = first ?? (await fetch())
      first = undefined
      return rows
    },
    close: () => end(name),
  }
}

function refused(error: unknown): unknown {
  const cause: unknown = isUnmoorError(error) ? error.cause : undefined
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  if (!NOT_READ.has(code)) return error
  return new UnmoorError('InvalidArgument', 'The statement writes. Use all() or run().', { cause })
}

function sizeOf(row: readonly SqlCell[]): number {
  let bytes = 0
  for (const cell of row)
    bytes += typeof cell === 'string' ? cell.length : cell instanceof Uint8Array ? cell.byteLength : 8
  return bytes
}
