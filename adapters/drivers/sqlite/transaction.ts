import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SqlCursor, SqlQuery, SqlResult, SqlTransactionDriver } from '../../../core/bindings/drivers.ts'
import { toUnmoorError } from './errors.ts'
import type { WriterTurn } from './writer-turn.ts'

/** Milliseconds between two tries to take SQLite's write lock that another process holds. */
const RETRY_EVERY = 10

/** The parts of an SQLite connection that a transaction uses. */
export interface TransactionConnection {
  readonly database: DatabaseSync
  readonly path: string
  run(query: SqlQuery): SqlResult
  cursor(query: SqlQuery): SqlCursor
}

/**
 * Begins an SQLite transaction that holds the write lock from the start: it reads the newest state, and no
 * other write can come between its statements.
 *
 * @throws `Conflict` if another process holds the lock for longer than `patience` milliseconds.
 */
export async function beginTransaction(
  connection: TransactionConnection,
  turn: WriterTurn,
  patience: number,
): Promise<SqlTransactionDriver> {
  const { database, path } = connection
  await turn.take()
  try {
    const deadline = performance.now() + patience
    for (;;) {
      try {
        database.exec('BEGIN IMMEDIATE')
        return new SqliteTransaction(connection, turn)
      } catch (error) {
        if (((error as { errcode?: number }).errcode ?? 0) % 256 !== 5 || performance.now() > deadline)
          throw error
      }
      await sleep(RETRY_EVERY)
    }
  } catch (error) {
    turn.give()
    throw toUnmoorError(error, path)
  }
}

class SqliteTransaction implements SqlTransactionDriver {
  #connection: TransactionConnection
  #turn: WriterTurn

  constructor(connection: TransactionConnection, turn: WriterTurn) {
    this.#connection = connection
    this.#turn = turn
  }

  async query(query: SqlQuery): Promise<SqlResult> {
    try {
      return this.#connection.run(query)
    } catch (error) {
      throw toUnmoorError(error, this.#connection.path)
    }
  }

  async cursor(query: SqlQuery): Promise<SqlCursor> {
    return this.#connection.cursor(query)
  }

  async commit(): Promise<void> {
    const { database, path } = this.#connection
    try {
      database.exec('COMMIT')
    } catch (error) {
      // If a commit of SQLite fails (a deferred constraint, a full disk), the transaction is rolled back.
      if (database.isOpen && database.isTransaction) database.exec('ROLLBACK')
      throw toUnmoorError(error, path)
    } finally {
      this.#turn.give()
    }
  }

  async rollback(): Promise<void> {
    const { database, path } = this.#connection
    try {
      // The SQLite transaction may be over already: SQLite rolls back after some errors, and so does closing
      // the driver.
      if (database.isOpen && database.isTransaction) database.exec('ROLLBACK')
    } catch (error) {
      throw toUnmoorError(error, path)
    } finally {
      this.#turn.give()
    }
  }
}
