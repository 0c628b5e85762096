import type postgres from 'postgres'
import type {
  DriverFactory,
  SqlCell,
  SqlCursor,
  SqlDriver,
  SqlQuery,
  SqlResult,
  SqlTransactionDriver,
} from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { cancelQuietly } from './cancel.ts'
import type { Server } from './connect.ts'
import { openCursor } from './cursor.ts'
import { Deadline } from './deadline.ts'
import type { PostgresStoreOptions } from './options.ts'
import { toUnmoorError } from './errors.ts'
import { type SharedPool, sharedPool } from './pool.ts'
import { makeSchema } from './tables.ts'
import { beginTransaction, type PostgresTransaction, type Session } from './transaction.ts'
import { MAY_BE_UNSAFE } from './types.ts'
import { inTransaction } from './lost.ts'

/** SQL driver on a Postgres server. `types.ts` describes how values are converted. */
export const sql: DriverFactory<'sql', PostgresStoreOptions> = async (options, context) => {
  return new PostgresSql(await sharedPool(options, context), options, context.binding)
}

/**
 * The result of the Postgres client's `unsafe(...).values()`: rows as arrays, so that columns of the same
 * name are both kept.
 */
type ValueRows = (SqlCell | bigint)[][] & {
  columns: { name: string; type: number }[] | null | undefined
  command: string
  count: number
}

// The option `simple` is missing in the types of the Postgres client. Without it, a statement without
// parameters would use the simple query protocol, unprepared.
const STATEMENT = { prepare: true, simple: false } as postgres.UnsafeQueryOptions

const ONCE = { prepare: false, simple: false } as postgres.UnsafeQueryOptions

/** SQL commands whose count in Postgres is the number of changed rows. */
const CHANGES: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/**
 * The Postgres advisory lock of migrations: any two numbers that others are unlikely to use ("unmo", "or").
 */
const LOCK = '1970170223, 28530'

/** A Postgres database whose statements run on a pool. */
export class PostgresSql implements SqlDriver {
  readonly dialect = 'postgres'
  #shared: SharedPool
  #server: Server
  #pool: postgres.Sql
  #schema: string | undefined
  #deadline: Deadline
  /**
   * Set while the migration lock of {@link exclusive} is held: the Postgres pool whose one connection holds
   * the lock and runs all statements.
   */
  #locked: { pool: postgres.Sql; isLost: () => boolean } | undefined

  constructor(shared: SharedPool, options: PostgresStoreOptions, binding: string) {
    this.#shared = shared
    this.#server = shared.server
    this.#pool = shared.sql
    this.#schema = options.schema
    this.#deadline = new Deadline(shared.server.name, options, binding)
  }

  async query(query: SqlQuery, signal?: AbortSignal): Promise<SqlResult> {
    try {
      return await this.#run(this.#current(), query, signal)
    } catch (error) {
      throw toUnmoorError(error, this.#server.name, { signal })
    }
  }

  async batch(queries: readonly SqlQuery[], signal?: AbortSignal): Promise<SqlResult[]> {
    const progress: { index: number | undefined } = { index: undefined }
    const running = new Set<() => void>()
    let committing = false
    let isLate = false
    try {
      const results = inTransaction(this.#current(), async (session) => {
        const all = await this.#all(session, queries, signal, progress, running)
        // The caller was told that nothing is applied: cancelling may come too late to stop the statements.
        if (isLate) throw new Error('The batch was abandoned.')
        committing = true
        return all
      })
      if (this.#locked !== undefined) return await results
      return await this.#deadline.race(
        results,
        () => committing,
        () => {
          isLate = !committing
          running.forEach((cancel) => cancel())
        },
      )
    } catch (error) {
      throw toUnmoorError(error, this.#server.name, { index: progress.index, signal })
    }
  }

  begin(): Promise<SqlTransactionDriver> {
    return this.#begin('ISOLATION LEVEL SERIALIZABLE')
  }

  /**
   * Opens a Postgres cursor in a transaction of its own, which holds a connection until the cursor is closed.
   */
  async cursor(query: SqlQuery): Promise<SqlCursor> {
    const transaction = await this.#begin('READ ONLY')
    return openCursor(
      (text) => transaction.once(text),
      query,
      () => transaction.rollback(),
    )
  }

  #begin(mode: string): Promise<PostgresTransaction> {
    return beginTransaction(this.#current(), this.#server.name, this.#deadline, {
      mode,
      run: (session, query) => this.#run(session, query, undefined),
      once: (session, query) => this.#run(session, query, undefined, undefined, ONCE),
    })
  }

  #current(): postgres.Sql {
    if (this.#locked === undefined) return this.#pool
    // Migrations fail if the connection that holds the Postgres migration lock is lost: the client would
    // connect again and go on without the lock.
    if (this.#locked.isLost())
      throw new UnmoorError(
        'Unavailable',
        `Postgres (${this.#server.name}): the connection that held the migration lock was lost. Run the ` +
          'migrations again.',
      )
    return this.#locked.pool
  }

  /**
   * Runs a batch on Postgres: all statements are sent at once and run in order. After the first failure, the
   * server refuses the rest.
   */
  async #all(
    session: Session,
    queries: readonly SqlQuery[],
    signal: AbortSignal | undefined,
    progress: { index: number | undefined },
    running: Set<() => void>,
  ): Promise<SqlResult[]> {
    const outcomes = await Promise.allSettled(
      queries.map((query) => this.#run(session, query, signal, running)),
    )
    return outcomes.map((outcome, index) => {
      if (outcome.status === 'fulfilled') return outcome.value
      progress.index = index
      throw outcome.reason
    })
  }

  /**
   * Runs one Postgres statement. `running` is set for a batch, which has one deadline for all its statements,
   * and collects the functions that cancel them.
   */
  async #run(
    session: Session,
    { text, params }: SqlQuery,
    signal: AbortSignal | undefined,
    running?: Set<() => void>,
    statement = STATEMENT,
  ): Promise<SqlResult> {
    if (signal?.aborted === true)
      throw new UnmoorError('Aborted', 'The query was aborted before it began.', { cause: signal.reason })
    const pending = session.unsafe(text, toParameters(session, params), statement).values()
    const cancel = (): void => cancelQuietly(pending)
    signal?.addEventListener('abort', cancel, { once: true })
    running?.add(cancel)
    try {
      // A Postgres statement gets no timeout of its own in a batch, which has one for all its statements, nor
      // in a migration.
      if (running !== undefined || this.#locked !== undefined) return toResult(await pending)
      return toResult(await this.#deadline.race(pending, () => true, cancel))
    } finally {
      signal?.removeEventListener('abort', cancel)
      running?.delete(cancel)
    }
  }

  /**
   * Runs `work` under the Postgres migration lock. The lock belongs to a connection, so all statements of
   * `work` use that connection: from a separate pool, or from the driver's pool if that has one connection
   * anyway (the maximum of some servers, such as PGlite's). `reserve()` is not used: in postgres.js 3.4.9 it
   * never resolves on a new connection if `fetch_types` is off.
   *
   * @throws `Unavailable` if the connection is lost; then the lock is free again.
   */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#shared.turn.then(() => this.#exclusive(work))
    this.#shared.turn = result.catch(() => {})
    return result
  }

  async #exclusive<T>(work: () => Promise<T>): Promise<T> {
    let lost = false
    const own = this.#server.max > 1
    const pool = own ? this.#server.pool(1, () => (lost = true)) : this.#pool
    try {
      await pool.unsafe(`SELECT pg_advisory_lock(${LOCK})`)
      this.#locked = { pool, isLost: () => lost }
      await makeSchema(pool, this.#schema)
      return await work()
    } catch (error) {
      throw toUnmoorError(error, this.#server.name)
    } finally {
      this.#locked = undefined
      // Closing the separate Postgres pool ends its connection, which frees the migration lock.
      if (own) await pool.end({ timeout: 5 })
      else await pool.unsafe(`SELECT pg_advisory_unlock(${LOCK})`).catch(() => {})
    }
  }

  async close(): Promise<void> {
    await this.#shared.close()
  }
}

// postgres.js would declare a boolean parameter as bool. Type 0 leaves the type to the server, as for all
// other parameters, so a boolean also fits a number column.
function toParameters(session: Session, params: readonly SqlCell[]): never[] {
  const values =
    params.includes(true) || params.includes(false)
      ? params.map((value) => (typeof value === 'boolean' ? session.typed(value as never, 0) : value))
      : params
  return values as never[]
}

interface Columns {
  names: string[]
  mayBeUnsafe: boolean
}

/** Cache of result columns, by the Postgres client's column list, which a prepared statement reuses. */
const known = new WeakMap<object, Columns>()

function columnsOf(list: ValueRows['columns']): Columns {
  if (list === undefined || list === null) return { names: [], mayBeUnsafe: false }
  let columns = known.get(list)
  if (columns === undefined) {
    columns = {
      names: list.map(({ name }) => name),
      mayBeUnsafe: list.some(({ type }) => MAY_BE_UNSAFE.has(type)),
    }
    known.set(list, columns)
  }
  return columns
}

function toResult(result: ValueRows): SqlResult {
  const { names, mayBeUnsafe } = columnsOf(result.columns)
  const writes = CHANGES.has(result.command)
  if (mayBeUnsafe) checkIntegers(result, writes)
  // Columns and rows of a Postgres result are copied, because the caller may change them, and the client's
  // own array of rows has other members too.
  return {
    columns: names.slice(),
    rows: Array.from(result) as SqlCell[][],
    changes: writes ? result.count : 0,
  }
}

function checkIntegers(rows: ValueRows, writes: boolean): void {
  for (const row of rows) {
    for (const cell of row) {
      if (typeof cell !== 'bigint') continue
      throw new UnmoorError(
        'LimitExceeded',
        'A result is an integer beyond 2^53 - 1, which JavaScript would round; select it with CAST(... ' +
          'AS TEXT).',
        {
          details: { limit: 'sql.integer', max: Number.MAX_SAFE_INTEGER },
          // Outside a batch, a Postgres statement with RETURNING is committed when its result is read.
          mayHaveApplied: writes,
        },
      )
    }
  }
}
