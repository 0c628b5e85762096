import type postgres from 'postgres'
import type { DriverFactory, SqlCell, SqlDriver, SqlQuery, SqlResult } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { connect, type PostgresOptions, quote } from './connect.ts'
import { isConnectionLost, toUnmoorError } from './errors.ts'
import { MAY_BE_UNSAFE } from './types.ts'

/** A database on a Postgres server. See `types.ts` for how values are converted. */
export const sql: DriverFactory<'sql', PostgresOptions> = async (options, context) => {
  const { client, server } = await connect(options, context)
  return new PostgresSql(client, server, options.schema)
}

/** What runs statements: the pool, a transaction, or a reserved connection. */
type Session = Pick<postgres.Sql, 'unsafe' | 'typed'>

/** The result of `unsafe(...).values()`: rows as arrays, so that columns of the same name are both kept. */
type ValueRows = (SqlCell | bigint)[][] & { columns: { name: string; type: number }[] | undefined; command: string; count: number }

/** Commands whose count is one of changed rows. */
const CHANGES: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/** The advisory lock of migrations: any two numbers that others are unlikely to use ("unmo", "or"). */
const LOCK = '1970170223, 28530'

class PostgresSql implements SqlDriver {
  readonly dialect = 'postgres'
  #client: postgres.Sql
  #server: string
  #schema: string | undefined
  /** The connection that holds the lock: while it does, all statements use it, so that a pool of one connection suffices. */
  #locked: postgres.ReservedSql | undefined

  constructor(client: postgres.Sql, server: string, schema: string | undefined) {
    this.#client = client
    this.#server = server
    this.#schema = schema
  }

  async query(query: SqlQuery, signal?: AbortSignal): Promise<SqlResult> {
    try {
      return await this.#run(this.#locked ?? this.#client, query, signal)
    } catch (error) {
      throw toUnmoorError(error, this.#server, { signal })
    }
  }

  async batch(queries: readonly SqlQuery[], signal?: AbortSignal): Promise<SqlResult[]> {
    const progress: { index: number | undefined } = { index: undefined }
    try {
      if (this.#locked !== undefined) return await this.#transaction(this.#locked, queries, signal, progress)
      return (await this.#client.begin((session) => this.#all(session, queries, signal, progress))) as SqlResult[]
    } catch (error) {
      throw toUnmoorError(error, this.#server, { index: progress.index, signal })
    }
  }

  async #transaction(session: Session, queries: readonly SqlQuery[], signal: AbortSignal | undefined, progress: { index: number | undefined }): Promise<SqlResult[]> {
    await session.unsafe('BEGIN')
    try {
      const results = await this.#all(session, queries, signal, progress)
      await session.unsafe('COMMIT')
      return results
    } catch (error) {
      if (!isConnectionLost(error)) await session.unsafe('ROLLBACK')
      throw error
    }
  }

  /** All statements are sent at once and run in order; after the first failure the server refuses the rest. */
  async #all(session: Session, queries: readonly SqlQuery[], signal: AbortSignal | undefined, progress: { index: number | undefined }): Promise<SqlResult[]> {
    const outcomes = await Promise.allSettled(queries.map((query) => this.#run(session, query, signal)))
    return outcomes.map((outcome, index) => {
      if (outcome.status === 'fulfilled') return outcome.value
      progress.index = index
      throw outcome.reason
    })
  }

  async #run(session: Session, { text, params }: SqlQuery, signal: AbortSignal | undefined): Promise<SqlResult> {
    if (signal?.aborted) throw new UnmoorError('Aborted', 'The query was aborted before it began.', { cause: signal.reason })
    // postgres.js would declare a boolean as bool; type 0 leaves it to the server, as for the rest, and so also fits a number column.
    const values = params.map((value) => (typeof value === 'boolean' ? session.typed(value as never, 0) : value))
    // `simple` is not in its types: without it, a statement without parameters would go by another protocol, unprepared.
    const options = { prepare: true, simple: false }
    const pending = session.unsafe(text, values as never[], options).values()
    const cancel = (): void => void pending.cancel()
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      return toResult((await pending) as unknown as ValueRows)
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }

  /** @throws `Unavailable` if the connection that holds the lock is lost; then the lock is free again. */
  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    let session: postgres.ReservedSql
    try {
      // postgres.js never resolves a reserve() that opens its own connection where fetch_types is off; so that one is open already.
      await this.#client`SELECT 1`
      session = await this.#client.reserve()
    } catch (error) {
      throw toUnmoorError(error, this.#server)
    }
    let lost = false
    try {
      await session.unsafe(`SELECT pg_advisory_lock(${LOCK})`)
      this.#locked = session
      if (this.#schema !== undefined) await session.unsafe(`CREATE SCHEMA IF NOT EXISTS ${quote(this.#schema)}`)
      return await work()
    } catch (error) {
      lost = isConnectionLost(error) || (error instanceof Error && isConnectionLost(error.cause))
      throw toUnmoorError(error, this.#server)
    } finally {
      this.#locked = undefined
      // A lost connection has left the pool already, and its lock with it.
      if (!lost) {
        await session.unsafe(`SELECT pg_advisory_unlock(${LOCK})`).catch(() => {})
        session.release()
      }
    }
  }

  async close(): Promise<void> {
    await this.#client.end({ timeout: 5 })
  }
}

function toResult(result: ValueRows): SqlResult {
  const columns = result.columns ?? []
  const writes = CHANGES.has(result.command)
  if (columns.some(({ type }) => MAY_BE_UNSAFE.has(type))) checkIntegers(result, writes)
  return { columns: columns.map(({ name }) => name), rows: [...result] as SqlCell[][], changes: writes ? result.count : 0 }
}

function checkIntegers(rows: ValueRows, writes: boolean): void {
  for (const row of rows) {
    for (const cell of row) {
      if (typeof cell !== 'bigint') continue
      throw new UnmoorError('LimitExceeded', 'A result is an integer beyond 2^53 - 1, which JavaScript would round; select it with CAST(... AS TEXT).', {
        details: { limit: 'sql.integer', max: Number.MAX_SAFE_INTEGER },
        // Outside a batch, a statement with RETURNING is committed by now.
        mayHaveApplied: writes,
      })
    }
  }
}
