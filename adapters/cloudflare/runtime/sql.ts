import type {
  DriverFactory,
  SqlCell,
  SqlDriver,
  SqlQuery,
  SqlResult,
} from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { LIMITS } from '../../../core/limits.ts'
import type { NativeD1, NativeD1Cell, NativeD1Result, NativeD1Statement } from './native.ts'
import { nativeOf } from './native-of.ts'
import { isSettled, toError } from './sql-errors.ts'

/** Driver for sql bindings on D1. */
export const sql: DriverFactory<'sql'> = (_options, context) =>
  createD1Driver(nativeOf<NativeD1>(context, 'D1 database'))

/** Creates a driver over a D1 database; `unmoor start` also migrates the simulator's databases with it. */
export function createD1Driver(native: NativeD1): SqlDriver {
  return new D1(native)
}

class D1 implements SqlDriver {
  readonly dialect = 'sqlite'
  #db: NativeD1

  constructor(native: NativeD1) {
    this.#db = native
  }

  async query(query: SqlQuery, signal?: AbortSignal): Promise<SqlResult> {
    try {
      if (writes(query.text)) return toResult(query, await until(this.#prepare(query).all(), signal))
      // D1's rows are read as arrays: as objects they would lose columns of equal names, and all column names
      // if there are no rows.
      const [columns = [], ...rows] = await until(this.#prepare(query).raw({ columnNames: true }), signal)
      return {
        columns: columns as string[],
        rows: rows.map((row) => row.map((cell) => toCell(cell, false))),
        changes: 0,
      }
    } catch (error) {
      throw toError(error)
    }
  }

  async batch(queries: readonly SqlQuery[], signal?: AbortSignal): Promise<SqlResult[]> {
    try {
      const results = await until(this.#db.batch(queries.map((query) => this.#prepare(query))), signal)
      return queries.map((query, index) => toResult(query, results[index] as NativeD1Result))
    } catch (error) {
      const known = toError(error)
      if (isSettled(known)) known.details.index = await this.#failingIndex(queries)
      throw known
    }
  }

  /**
   * Finds the failing statement of a batch, which D1 does not report, by bisection. Prefixes of the SQL batch
   * are run again, each followed by a statement that always fails, so that no run has an effect.
   */
  async #failingIndex(queries: readonly SqlQuery[]): Promise<number> {
    let low = 0
    let high = queries.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      const upTo = queries.slice(0, middle + 1).map((query) => this.#prepare(query))
      const failure = await this.#db.batch([...upTo, this.#db.prepare(ALWAYS_FAILS)]).then(
        () => undefined,
        (error: unknown) => String(error),
      )
      if (failure?.includes(ALWAYS_FAILS_WITH)) low = middle + 1
      else high = middle
    }
    return low
  }

  #prepare({ text, params }: SqlQuery): NativeD1Statement {
    const statement = this.#db.prepare(text)
    return params.length === 0 ? statement : statement.bind(...params)
  }
}

/** A SQL statement that always fails at run time, after the statements before it in a batch have run. */
const ALWAYS_FAILS = `SELECT json_extract('{}', 'unmoor-probe')`
const ALWAYS_FAILS_WITH = 'unmoor-probe'

/**
 * True if a SQL statement may change rows. D1 must then report how many, which it does only with rows as
 * objects.
 */
function writes(text: string): boolean {
  const keyword = /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase()
  if (keyword !== 'WITH') return keyword !== 'SELECT' && keyword !== 'VALUES' && keyword !== 'EXPLAIN'
  // Strings, quoted names and comments are removed from a SQL statement before keywords are searched;
  // `REPLACE(` is a function.
  const bare = text.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[^]*?\*\//g, ' ')
  return /\b(?:INSERT|UPDATE|DELETE|REPLACE\s+INTO)\b/i.test(bare)
}

function toResult({ text }: SqlQuery, { results = [], meta }: NativeD1Result): SqlResult {
  const written = writes(text)
  const changes = written ? (meta.changes ?? 0) : 0
  const columns = Object.keys(results[0] ?? {})
  const rows = results.map((row) => Object.values(row).map((cell) => toCell(cell, written)))
  // A D1 result has `lastRowId` only for inserts, because D1 reports the row id of an earlier insert after
  // other statements.
  return changes > 0 && /\b(?:INSERT|REPLACE)\b/i.test(text)
    ? { columns, rows, changes, lastRowId: meta.last_row_id }
    : { columns, rows, changes }
}

/** Largest magnitude of an integer in SQLite. D1 stored any larger number as a float. */
const INTEGER_MAX = 2 ** 63

function toCell(value: NativeD1Cell, written: boolean): SqlCell {
  if (typeof value === 'number') {
    // D1 has already rounded integers beyond 2^53 in a result; a float of that size looks the same.
    if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) <= INTEGER_MAX) {
      throw new UnmoorError(
        'LimitExceeded',
        'D1: a result is an integer beyond 2^53 - 1, which JavaScript would round; select it with ' +
          'CAST(... AS TEXT).',
        {
          details: { limit: 'sql.integer', max: LIMITS['sql.integer'] },
          // If the result of a D1 statement is refused, the rows that the statement wrote stay written.
          mayHaveApplied: written,
        },
      )
    }
    return value
  }
  return Array.isArray(value) ? Uint8Array.from(value) : value
}

/** Stops waiting for a SQL statement when the signal aborts. D1 itself cannot cancel it. */
async function until<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  let abort = (): void => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () =>
      reject(
        new UnmoorError('Aborted', 'The statement was given up; it may still take effect.', {
          cause: signal.reason,
          mayHaveApplied: true,
        }),
      )
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort)
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
