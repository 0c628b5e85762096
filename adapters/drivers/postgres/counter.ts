import type {
  CounterDriver,
  CounterWindow,
  DriverContext,
  DriverFactory,
} from '../../../core/bindings/drivers.ts'
import { type Database, openDatabase } from './database.ts'
import type { PostgresStoreOptions } from './options.ts'

/**
 * Default timeout of a counter's Postgres statement in seconds. It is short because a request waits for the
 * count.
 */
const TIMEOUT = 2
/**
 * Number of counter calls between two sweeps of counts whose window has ended, and number of counts that one
 * step removes.
 */
const SWEEP_EVERY = 500
const SWEEP_SIZE = 1000

/**
 * Counter driver in Postgres whose counts all processes share, in one table for all such bindings of the
 * database.
 */
export const counter: DriverFactory<'counter', PostgresStoreOptions> = async (options, context) =>
  new PostgresCounter(await openDatabase('counter', { timeout: TIMEOUT, ...options }, context), context)

/** A counter in Postgres. Windows are timed by the server's clock, which all processes share. */
class PostgresCounter implements CounterDriver {
  #database: Database
  #store: string
  #take: string
  #calls = 0
  #sweeping = false

  constructor(database: Database, { app, binding }: DriverContext) {
    this.#database = database
    this.#store = `${app}/${binding}`
    const { table } = database
    // The counter takes a single statement, so that the row's lock serialises concurrent calls. Over the
    // limit, no row is returned.
    this.#take =
      `INSERT INTO ${table} AS old (store, key, count, ends) ` +
      `VALUES ($1, $2, $3, clock_timestamp() + CAST($4 AS float8) * interval '1 second') ` +
      'ON CONFLICT (store, key) DO UPDATE SET ' +
      'count = CASE WHEN old.ends <= clock_timestamp() THEN 0 ELSE old.count END + excluded.count, ' +
      'ends = CASE WHEN old.ends <= clock_timestamp() THEN excluded.ends ELSE old.ends END ' +
      'WHERE old.ends <= clock_timestamp() OR old.count < $5 RETURNING 1'
  }

  async take(key: string, { limit, amount, seconds }: CounterWindow): Promise<boolean> {
    const rows = await this.#database.write(this.#take, [this.#store, key, amount, seconds, limit])
    if (++this.#calls % SWEEP_EVERY === 0) void this.#sweep().catch(() => {})
    return rows.length > 0
  }

  async #sweep(): Promise<void> {
    if (this.#sweeping) return
    this.#sweeping = true
    const { table } = this.#database
    try {
      for (let removed = SWEEP_SIZE; removed === SWEEP_SIZE;)
        removed = (
          await this.#database.write(
            `DELETE FROM ${table} WHERE (store, key) IN (SELECT store, key FROM ${table} WHERE ends <= now() ` +
              `LIMIT ${SWEEP_SIZE} FOR UPDATE SKIP LOCKED)`,
            [],
          )
        ).count
    } finally {
      this.#sweeping = false
    }
  }

  close(): Promise<void> {
    return this.#database.close()
  }
}
