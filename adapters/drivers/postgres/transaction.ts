import type postgres from 'postgres'
import type { SqlQuery, SqlResult, SqlTransactionDriver } from '../../../core/bindings/drivers.ts'
import { toUnmoorError, withoutEffect } from './errors.ts'

/** What runs statements: a pool or a transaction. */
export type Session = Pick<postgres.Sql, 'unsafe' | 'typed'>

type Run = (session: Session, query: SqlQuery) => Promise<SqlResult>

/** What makes the client roll back. */
const ROLLBACK = Symbol('rollback')

/** Begins a serializable transaction on a connection of the pool, which it keeps until its end. */
export async function beginTransaction(
  pool: postgres.Sql,
  server: string,
  run: Run,
): Promise<SqlTransactionDriver> {
  const begun = Promise.withResolvers<Session>()
  const end = Promise.withResolvers<void>()
  const ended = pool
    .begin('ISOLATION LEVEL SERIALIZABLE', (session) => {
      begun.resolve(session)
      return end.promise
    })
    .then(
      () => undefined,
      (error: unknown) => error,
    )
  // Where it cannot begin, it ends.
  void ended.then((error) => begun.reject(error))
  try {
    return new PostgresTransaction(await begun.promise, ended, end, server, run)
  } catch (error) {
    throw withoutEffect(toUnmoorError(error, server))
  }
}

class PostgresTransaction implements SqlTransactionDriver {
  #session: Session
  /** Resolves with what went wrong. */
  #ended: Promise<unknown>
  #end: PromiseWithResolvers<void>
  #server: string
  #run: Run
  #lost: { error: unknown } | undefined

  constructor(
    session: Session,
    ended: Promise<unknown>,
    end: PromiseWithResolvers<void>,
    server: string,
    run: Run,
  ) {
    this.#session = session
    this.#ended = ended
    this.#end = end
    this.#server = server
    this.#run = run
    void ended.then((error) => (this.#lost = { error }))
  }

  async query(query: SqlQuery): Promise<SqlResult> {
    try {
      // The client would connect again, and run it outside of any transaction.
      if (this.#lost !== undefined) throw this.#lost.error
      return await this.#run(this.#session, query)
    } catch (error) {
      throw withoutEffect(toUnmoorError(error, this.#server))
    }
  }

  async commit(): Promise<void> {
    if (this.#lost !== undefined) throw withoutEffect(toUnmoorError(this.#lost.error, this.#server))
    this.#end.resolve()
    const error = await this.#ended
    if (error !== undefined) throw toUnmoorError(error, this.#server)
  }

  async rollback(): Promise<void> {
    // A connection that was lost has rolled back.
    if (this.#lost !== undefined) return
    this.#end.reject(ROLLBACK)
    const error = await this.#ended
    if (error !== undefined && error !== ROLLBACK) throw toUnmoorError(error, this.#server)
  }
}
