import type { SqlCell, SqlCursor, SqlQuery, SqlResult } from '../../../core/bindings/drivers.ts'
import { isUnmoorError, UnmoorError } from '../../../core/errors.ts'

/** Rows of the first read, of any, and the bytes that one should bring: what is in memory at once. */
const FIRST = 10
const ROWS = 100
const BYTES = 64 * 1024
/** Postgres's codes for a write in a read-only transaction, and for a statement that no cursor is for. */
const NOT_READ: ReadonlySet<unknown> = new Set(['25006', '0A000'])

let cursors = 0

/**
 * Reads a statement by a cursor of the server's, in the transaction that `run` runs in. The rows of a read
 * are as many as the ones before let expect of its bytes. `run` may prepare nothing: the text of a read is
 * the same for cursors of other columns.
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
