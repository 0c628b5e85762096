/** Claims of crons in one file: right for all processes of one machine. */
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
import { databasePath, inTransaction, openDatabase } from '../open.ts'
import type { SqliteOptions } from '../options.ts'

/** Default file: `APP/crons.sqlite` in the data folder. */
export const cronStore: CronStoreFactory<SqliteOptions> = (options, context) => {
  const path = databasePath(options, context, 'crons')
  const database = openDatabase(path, { synchronous: 'full', ...options })
  try {
    return new SqliteCronStore(database, path, context.app, () => context.now())
  } catch (error) {
    database.close()
    throw toUnmoorError(error, path)
  }
}

type ClaimRow = [lease: string, until: number, attempt: number, done: number]

const WHERE = 'WHERE app = ? AND cron = ? AND scheduled_time = ?'

class SqliteCronStore implements CronStore {
  #database: DatabaseSync
  #path: string
  #app: string
  #now: () => number
  #get: ArrayStatement<ClaimRow>
  #put: StatementSync
  #extend: StatementSync
  #finish: StatementSync
  #prune: StatementSync
  #open: ArrayStatement<[scheduledTime: number, until: number]>
  #latest: ArrayStatement<[scheduledTime: number | null]>

  constructor(database: DatabaseSync, path: string, app: string, now: () => number) {
    database.exec(`CREATE TABLE IF NOT EXISTS claims (
        app TEXT NOT NULL, cron TEXT NOT NULL, scheduled_time INTEGER NOT NULL, lease TEXT NOT NULL,
        leased_until INTEGER NOT NULL, attempt INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (app, cron, scheduled_time)
      ) WITHOUT ROWID`)
    this.#database = database
    this.#path = path
    this.#app = app
    this.#now = now
    this.#get = prepareArrays(database, `SELECT lease, leased_until, attempt, done FROM claims ${WHERE}`)
    this.#put = database.prepare(`INSERT INTO claims (app, cron, scheduled_time, lease, leased_until, attempt)
      VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET lease = excluded.lease, leased_until = excluded.leased_until,
        attempt = excluded.attempt`)
    this.#extend = database.prepare(`UPDATE claims SET leased_until = ? ${WHERE} AND lease = ? AND NOT done`)
    this.#finish = database.prepare(`UPDATE claims SET done = 1 ${WHERE}`)
    this.#prune = database.prepare(
      'DELETE FROM claims WHERE app = ? AND cron = ? AND scheduled_time < ? AND done',
    )
    this.#open = prepareArrays(
      database,
      'SELECT scheduled_time, leased_until FROM claims WHERE app = ? AND cron = ? AND NOT done ORDER BY ' +
        'scheduled_time',
    )
    this.#latest = prepareArrays(
      database,
      'SELECT max(scheduled_time) FROM claims WHERE app = ? AND cron = ?',
    )
  }

  claim(cron: string, scheduledTime: number, lease: string, seconds: number): Promise<CronClaim> {
    return this.#run(() =>
      inTransaction(this.#database, () => {
        const now = this.#now()
        const row = this.#get.get(this.#app, cron, scheduledTime)
        const [holder, until, attempt, done] = row ?? ['', 0, 0, 0]
        if (done !== 0) return { state: 'done' }
        if (until > now && holder !== lease) return { state: 'taken', seconds: (until - now) / 1000 }
        const next = holder === lease ? attempt : attempt + 1
        this.#put.run(this.#app, cron, scheduledTime, lease, now + seconds * 1000, next)
        return { state: 'claimed', attempt: next }
      }),
    )
  }

  extend(cron: string, scheduledTime: number, lease: string, seconds: number): Promise<boolean> {
    return this.#run(
      () =>
        Number(
          this.#extend.run(this.#now() + seconds * 1000, this.#app, cron, scheduledTime, lease).changes,
        ) > 0,
    )
  }

  finish(cron: string, scheduledTime: number): Promise<void> {
    return this.#run(() => {
      this.#finish.run(this.#app, cron, scheduledTime)
      this.#prune.run(this.#app, cron, scheduledTime - KEEP_SECONDS * 1000)
    })
  }

  open(cron: string): Promise<OpenCronTime[]> {
    return this.#run(() => {
      const rows = this.#open.all(this.#app, cron)
      return rows.map(([scheduledTime, until]) => ({ scheduledTime, held: until > this.#now() }))
    })
  }

  latest(cron: string): Promise<number | undefined> {
    return this.#run(() => this.#latest.get(this.#app, cron)?.[0] ?? undefined)
  }

  async #run<T>(work: () => T): Promise<T> {
    try {
      return work()
    } catch (error) {
      throw toUnmoorError(error, this.#path)
    }
  }

  close(): void {
    this.#database.close()
  }
}
