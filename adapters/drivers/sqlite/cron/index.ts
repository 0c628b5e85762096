/** Claims of crons in one SQLite file, which all processes of one machine can share. */
import { existsSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import {
  type CronClaim,
  type CronStore,
  type CronStoreFactory,
  KEEP_SECONDS,
  type OpenCronTime,
} from '../../../../core/runtime/cron-store.ts'
import { type ArrayStatement, prepareArrays } from '../array-statement.ts'
import { toUnmoorError } from '../errors.ts'
import { IdleDatabase } from '../idle-database.ts'
import { databasePath, inTransaction, openDatabase } from '../open.ts'
import type { SqliteOptions } from '../options.ts'

/**
 * Cron store in an SQLite file. Default file: `APP/crons.sqlite` in the data folder. The file is open while
 * claims are made, and closed when idle.
 */
export const cronStore: CronStoreFactory<SqliteOptions> = (options, context) =>
  new SqliteCronStore(databasePath(options, context, 'crons'), options, context.app, () => context.now())

type ClaimRow = [lease: string, until: number, attempt: number, done: number]

const WHERE = 'WHERE app = ? AND cron = ? AND scheduled_time = ?'

interface Statements {
  database: DatabaseSync
  get: ArrayStatement<ClaimRow>
  put: StatementSync
  extend: StatementSync
  finish: StatementSync
  prune: StatementSync
  open: ArrayStatement<[scheduledTime: number, until: number]>
  latest: ArrayStatement<[scheduledTime: number | null]>
}

function prepare(database: DatabaseSync): Statements {
  database.exec(`CREATE TABLE IF NOT EXISTS claims (
      app TEXT NOT NULL, cron TEXT NOT NULL, scheduled_time INTEGER NOT NULL, lease TEXT NOT NULL,
      leased_until INTEGER NOT NULL, attempt INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (app, cron, scheduled_time)
    ) WITHOUT ROWID`)
  return {
    database,
    get: prepareArrays(database, `SELECT lease, leased_until, attempt, done FROM claims ${WHERE}`),
    put: database.prepare(`INSERT INTO claims (app, cron, scheduled_time, lease, leased_until, attempt)
      VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET lease = excluded.lease, leased_until = excluded.leased_until,
        attempt = excluded.attempt`),
    extend: database.prepare(`UPDATE claims SET leased_until = ? ${WHERE} AND lease = ? AND NOT done`),
    finish: database.prepare(`UPDATE claims SET done = 1 ${WHERE}`),
    prune: database.prepare('DELETE FROM claims WHERE app = ? AND cron = ? AND scheduled_time < ? AND done'),
    open: prepareArrays(
      database,
      'SELECT scheduled_time, leased_until FROM claims WHERE app = ? AND cron = ? AND NOT done ORDER BY ' +
        'scheduled_time',
    ),
    latest: prepareArrays(database, 'SELECT max(scheduled_time) FROM claims WHERE app = ? AND cron = ?'),
  }
}

class SqliteCronStore implements CronStore {
  #idle: IdleDatabase<Statements>
  #path: string
  #app: string
  #now: () => number

  constructor(path: string, options: SqliteOptions, app: string, now: () => number) {
    this.#path = path
    this.#app = app
    this.#now = now
    this.#idle = new IdleDatabase({
      open() {
        const database = openDatabase(path, { synchronous: 'full', ...options })
        try {
          return prepare(database)
        } catch (error) {
          database.close()
          throw toUnmoorError(error, path)
        }
      },
      close: ({ database }) => database.close(),
      // An in-memory SQLite database for crons is never closed, because closing deletes its data.
      mayClose: () => path !== ':memory:',
    })
    if (!this.#isEmpty()) this.#idle.look()
  }

  /**
   * True if the crons' SQLite file does not exist, so that no cron was ever claimed. With this check, reading
   * does not create the file.
   */
  #isEmpty(): boolean {
    return !this.#idle.isOpen && this.#path !== ':memory:' && !existsSync(this.#path)
  }

  claim(cron: string, scheduledTime: number, lease: string, seconds: number): Promise<CronClaim> {
    return this.#run(({ database, get, put }) =>
      inTransaction(database, () => {
        const now = this.#now()
        const row = get.get(this.#app, cron, scheduledTime)
        const [holder, until, attempt, done] = row ?? ['', 0, 0, 0]
        if (done !== 0) return { state: 'done' }
        if (until > now && holder !== lease) return { state: 'taken', seconds: (until - now) / 1000 }
        const next = holder === lease ? attempt : attempt + 1
        put.run(this.#app, cron, scheduledTime, lease, now + seconds * 1000, next)
        return { state: 'claimed', attempt: next }
      }),
    )
  }

  extend(cron: string, scheduledTime: number, lease: string, seconds: number): Promise<boolean> {
    return this.#run(
      ({ extend }) =>
        Number(extend.run(this.#now() + seconds * 1000, this.#app, cron, scheduledTime, lease).changes) > 0,
    )
  }

  finish(cron: string, scheduledTime: number): Promise<void> {
    return this.#run(({ finish, prune }) => {
      finish.run(this.#app, cron, scheduledTime)
      prune.run(this.#app, cron, scheduledTime - KEEP_SECONDS * 1000)
    })
  }

  async open(cron: string): Promise<OpenCronTime[]> {
    if (this.#isEmpty()) return []
    return this.#run(({ open }) => {
      const rows = open.all(this.#app, cron)
      return rows.map(([scheduledTime, until]) => ({ scheduledTime, held: until > this.#now() }))
    })
  }

  async latest(cron: string): Promise<number | undefined> {
    if (this.#isEmpty()) return undefined
    return this.#run(({ latest }) => latest.get(this.#app, cron)?.[0] ?? undefined)
  }

  async #run<T>(work: (statements: Statements) => T): Promise<T> {
    try {
      return work(this.#idle.use())
    } catch (error) {
      throw toUnmoorError(error, this.#path)
    }
  }

  close(): void {
    this.#idle.close()
  }
}
