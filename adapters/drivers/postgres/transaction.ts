import type postgres from 'postgres'
import type { SqlCursor, SqlQuery, SqlResult, SqlTransactionDriver } from '../../../core/bindings/drivers.ts'
import { openCursor } from './cursor.ts'
import type { Deadline } from './deadline.ts'
import { isConnectionLost, toUnmoorError, withoutEffect } from './errors.ts'

/** A Postgres pool or transaction, on which statements run. */
export type Session = Pick<postgres.Sql, 'unsafe' | 'typed'>

type Run = (session: Session, query: SqlQuery) => Promise<SqlResult>

/** Rejection value that makes the Postgres client roll back. */
const ROLLBACK = Symbol('rollback')

/**
 * Begins a transaction with the given mode on a connection of the Postgres pool, which the transaction holds
 * until its end.
 */
export async function beginTransaction(
  pool: postgres.Sql,
  server: string,
  deadline: Deadline,
  { mode, run, once }: { mode: string; run: Run; once: Run },
): Promise<PostgresTransaction> {
  const begun = Promise.withResolvers<Session>()
  const end = Promise.withResolvers<void>()
  // The rejection of a Postgres transaction's end is handled here, because nobody awaits the end if the
  // transaction never began.
  end.promise.catch(() => {})
  const ended = pool
    .begin(mode, (session) => {
      begun.resolve(session)
      return end.promise
    })
    .then(
      () => undefined,
      (error: unknown) => error,
    )
  // If a Postgres transaction cannot begin, its end rejects the promise of its start with the same error.
  void ended.then((error) => begun.reject(error))
  try {
    // A Postgres transaction that begins after the deadline is rolled back at once.
    const session = await deadline.race(
      begun.promise,
      () => false,
      () => end.reject(ROLLBACK),
    )
    return new PostgresTransaction(session, { ended, end, server, deadline, run, once })
  } catch (error) {
    throw withoutEffect(toUnmoorError(error, server))
  }
}

interface Parts {
  /** Resolves when the Postgres transaction has ended, with its error if there was one. */
  readonly ended: Promise<unknown>
  readonly end: PromiseWithResolvers<void>
  readonly server: string
  readonly deadline: Deadline
  readonly run: Run
  /** Runs a Postgres statement that is not worth preparing. */
  readonly once: Run
}

export class PostgresTransaction implements SqlTransactionDriver {
  #session: Session
  #parts: Parts
  #lost: { error: unknown } | undefined

  constructor(session: Session, parts: Parts) {
    this.#session = session
    this.#parts = parts
    void parts.ended.then((error) => (this.#lost ??= { error }))
  }

  query(query: SqlQuery): Promise<SqlResult> {
    return this.#run(this.#parts.run, query)
  }

  once(query: SqlQuery): Promise<SqlResult> {
    return this.#run(this.#parts.once, query)
  }

  cursor(query: SqlQuery): Promise<SqlCursor> {
    return openCursor(
      (text) => this.once(text),
      query,
      (name) => this.once({ text: `CLOSE ${name}`, params: [] }).then(() => undefined),
    )
  }

  async #run(run: Run, query: SqlQuery): Promise<SqlResult> {
    try {
      // A statement of a Postgres transaction fails if the connection is lost: the client would connect again
      // and run the statement outside of any transaction.
      if (this.#lost !== undefined) throw this.#lost.error
      return await run(this.#session, query)
    } catch (error) {
      // The error of the statement comes before that of the transaction, and a caller may roll back at once.
      if (isConnectionLost(error)) this.#lost ??= { error }
      throw withoutEffect(toUnmoorError(error, this.#parts.server))
    }
  }

  async commit(): Promise<void> {
    if (this.#lost !== undefined) throw withoutEffect(toUnmoorError(this.#lost.error, this.#parts.server))
    this.#parts.end.resolve()
    const error = await this.#ended(true)
    if (error !== undefined) throw toUnmoorError(error, this.#parts.server)
  }

  async rollback(): Promise<void> {
    // If the connection is lost, the Postgres server has rolled back the transaction.
    if (this.#lost !== undefined) return
    this.#parts.end.reject(ROLLBACK)
    const error = await this.#ended(false)
    if (error !== undefined && error !== ROLLBACK) throw toUnmoorError(error, this.#parts.server)
  }
  #ended(mayHaveApplied: boolean): Promise<unknown> {
    const { ended, deadline } = this.#parts
    return deadline.race(
      ended,
      () => mayHaveApplied,
      () => {},
    )
  }
}
