/** Claims of crons in a table of a Postgres database: for replicas on any number of machines. */
import type postgres from 'postgres'
import {
  type CronClaim,
  type CronStore,
  type CronStoreFactory,
  KEEP_SECONDS,
  type OpenCronTime,
} from '../../../../core/runtime/cron-store.ts'
import { connect, quote } from '../connect.ts'
import type { PostgresOptions } from '../options.ts'
import { toUnmoorError } from '../errors.ts'
import { makeSchema } from '../tables.ts'
import { inTransaction } from '../lost.ts'

/**
 * Postgres cron store whose options are those of the driver; the url's default is the variable DATABASE_URL.
 * The table `unmoor_crons` is created at the first use.
 */
export const cronStore: CronStoreFactory<PostgresOptions> = async (options, context) => {
  const server = await connect(options, context)
  // A Postgres pool of one connection is enough for crons, because claims are few and short.
  return new PostgresCronStore(server.pool(1), server.name, options.schema, context.app)
}

/**
 * Postgres advisory lock for creating the cron table: any two numbers that others are unlikely to use
 * ("unmo", "cr").
 */
const LOCK = '1970170223, 25458'

class PostgresCronStore implements CronStore {
  #pool: postgres.Sql
  #server: string
  #schema: string | undefined
  #table: string
  #app: string
  #made: Promise<unknown> | undefined

  constructor(pool: postgres.Sql, server: string, schema: string | undefined, app: string) {
    this.#pool = pool
    this.#server = server
    this.#schema = schema
    this.#table = schema === undefined ? 'unmoor_crons' : `${quote(schema)}.unmoor_crons`
    this.#app = app
  }

  async claim(cron: string, scheduledTime: number, lease: string, seconds: number): Promise<CronClaim> {
    // The claim of a cron is one statement, so that the row's lock decides between two processes. A second
    // statement tells the loser what the winner did.
    const [claimed] = await this.#query(
      `INSERT INTO ${this.#table} AS c (app, cron, scheduled_time, lease, leased_until, attempt)
       VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5), 1)
       ON CONFLICT (app, cron, scheduled_time) DO UPDATE SET
         lease = excluded.lease, leased_until = excluded.leased_until,
         attempt = c.attempt + CASE WHEN c.lease = excluded.lease THEN 0 ELSE 1 END
       WHERE NOT c.done AND (c.leased_until <= clock_timestamp() OR c.lease = excluded.lease)
       RETURNING attempt`,
      [this.#app, cron, scheduledTime, lease, seconds],
    )
    if (claimed !== undefined) return { state: 'claimed', attempt: Number(claimed['attempt']) }
    const [row] = await this.#query(
      `SELECT done, greatest(extract(epoch FROM leased_until - clock_timestamp()), 0)::float8 AS seconds
       FROM ${this.#table} WHERE app = $1 AND cron = $2 AND scheduled_time = $3`,
      [this.#app, cron, scheduledTime],
    )
    if (row?.['done'] === true) return { state: 'done' }
    return { state: 'taken', seconds: Number(row?.['seconds'] ?? 0) }
  }

  async extend(cron: string, scheduledTime: number, lease: string, seconds: number): Promise<boolean> {
    const { count } = await this.#query(
      `UPDATE ${this.#table} SET leased_until = clock_timestamp() + make_interval(secs => $5)
       WHERE app = $1 AND cron = $2 AND scheduled_time = $3 AND lease = $4 AND NOT done`,
      [this.#app, cron, scheduledTime, lease, seconds],
    )
    return count > 0
  }

  async finish(cron: string, scheduledTime: number): Promise<void> {
    await this.#query(
      `UPDATE ${this.#table} SET done = true WHERE app = $1 AND cron = $2 AND scheduled_time = $3`,
      [this.#app, cron, scheduledTime],
    )
    await this.#query(
      `DELETE FROM ${this.#table} WHERE app = $1 AND cron = $2 AND scheduled_time < $3 AND done`,
      [this.#app, cron, scheduledTime - KEEP_SECONDS * 1000],
    )
  }

  async open(cron: string): Promise<OpenCronTime[]> {
    const rows = await this.#query(
      `SELECT scheduled_time, leased_until > clock_timestamp() AS held FROM ${this.#table} WHERE app = ` +
        '$1 AND cron = $2 AND NOT done ORDER BY scheduled_time',
      [this.#app, cron],
    )
    return rows.map((row) => ({ scheduledTime: Number(row['scheduled_time']), held: row['held'] === true }))
  }

  async latest(cron: string): Promise<number | undefined> {
    const [row] = await this.#query(
      `SELECT max(scheduled_time) AS latest FROM ${this.#table} WHERE app = $1 AND cron = $2`,
      [this.#app, cron],
    )
    const latest: unknown = row?.['latest']
    return latest === null || latest === undefined ? undefined : Number(latest)
  }

  async #query(text: string, params: (string | number)[]): Promise<postgres.RowList<postgres.Row[]>> {
    try {
      this.#made ??= this.#make()
      await this.#made.catch((error: unknown) => {
        this.#made = undefined
        throw error
      })
      return await this.#pool.unsafe(text, params, { prepare: true })
    } catch (error) {
      throw toUnmoorError(error, this.#server)
    }
  }

  // IF NOT EXISTS alone fails when two processes create the cron table at once, and for a Postgres user who
  // may use the table but not create one.
  async #make(): Promise<void> {
    const [state] = await this.#pool.unsafe<{ present: boolean }[]>(
      'SELECT to_regclass($1) IS NOT NULL AS present',
      [this.#table],
    )
    if (state?.present === true) return
    await inTransaction(this.#pool, async (session) => {
      await session.unsafe(`SELECT pg_advisory_xact_lock(${LOCK})`)
      await makeSchema(session, this.#schema)
      await session.unsafe(`CREATE TABLE IF NOT EXISTS ${this.#table} (
        app text NOT NULL, cron text NOT NULL, scheduled_time bigint NOT NULL, lease text NOT NULL,
        leased_until timestamptz NOT NULL, attempt integer NOT NULL, done boolean NOT NULL DEFAULT false,
        PRIMARY KEY (app, cron, scheduled_time)
      )`)
    })
  }

  async close(): Promise<void> {
    await this.#pool.end({ timeout: 5 })
  }
}
