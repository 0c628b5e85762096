import { invalidArgument, UnmoorError } from '../errors.ts'
import type { SqlCell, SqlCursor } from './drivers.ts'
import { annotate, type Where } from './operation.ts'

/** SQL rows that are read on demand, from a database here or over a channel. */
export interface RowSource {
  readonly columns: readonly string[]
  /** Returns the next few SQL rows; an empty list at the end. */
  next(): Promise<SqlCell[][]>
  /** Frees the database connection that the cursor holds; further calls do nothing. */
  close(): Promise<void>
}

/**
 * Seconds after which a loop over SQL rows that asks for no row is ended, since its rows hold a connection.
 */
const IDLE_SECONDS = 60

/** Converts an SQL row to an object. If columns have the same name, the last one is kept. */
export function toObject(columns: readonly string[], row: readonly SqlCell[]): Record<string, SqlCell> {
  const object: Record<string, SqlCell> = {}
  for (let index = 0; index < columns.length; index++)
    object[columns[index] as string] = row[index] as SqlCell
  return object
}

/** Yields the SQL rows of `open` one after another, as objects. Leaving the loop early closes the cursor. */
export async function* eachRow<Row>(open: () => Promise<RowSource>): AsyncGenerator<Row, void, undefined> {
  const source = await open()
  try {
    for (let rows = await source.next(); rows.length > 0; rows = await source.next())
      for (const row of rows) yield toObject(source.columns, row) as Row
  } finally {
    await source.close()
  }
}

/**
 * Refuses SQL statements that write. @throws `InvalidArgument` for a statement that does not begin as one
 * that reads.
 */
export function checkReads(text: string, where: Where): void {
  const body = text.replace(/^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/, '')
  if (/^(?:select|values|with)\b/i.test(body)) return
  throw invalidArgument(
    where,
    `${where.binding}.each reads rows: the statement must begin with SELECT, VALUES or WITH. Use all() or run().`,
  )
}

/**
 * Wraps an SQL driver's cursor: errors name the binding, and a cursor that nobody reads any more is closed.
 */
export class CursorRows implements RowSource {
  readonly columns: readonly string[]
  #cursor: SqlCursor
  #where: Where
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false
  #late = false

  constructor(cursor: SqlCursor, where: Where) {
    this.columns = cursor.columns
    this.#cursor = cursor
    this.#where = where
    this.#wait()
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#late = true
      void this.close().catch(() => {})
    }, IDLE_SECONDS * 1000)
  }

  async next(): Promise<SqlCell[][]> {
    if (this.#late)
      throw new UnmoorError(
        'Timeout',
        `${this.#where.binding}.each: no row was asked for in ${IDLE_SECONDS} s, so its connection was given ` +
          'back. Do long work after the loop, or read pages with LIMIT.',
        this.#where,
      )
    if (this.#closed) return []
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    try {
      const rows = await this.#cursor.next()
      if (!this.#closed) this.#wait()
      return rows
    } catch (error) {
      throw annotate(error, this.#where)
    }
  }

  async close(): Promise<void> {
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    if (this.#closed) return
    this.#closed = true
    try {
      await this.#cursor.close()
    } catch (error) {
      throw annotate(error, this.#where)
    }
  }
}

/** Returns the error of `each` on an SQL database whose engine has no cursors. */
export function noCursors(where: Where): UnmoorError {
  return new UnmoorError(
    'Unsupported',
    `${where.binding}.each: this database has no cursors. Read pages with WHERE id > ? ORDER BY id LIMIT ?.`,
    { ...where, details: { capability: 'sql.each' } },
  )
}
