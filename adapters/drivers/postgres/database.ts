import type postgres from 'postgres'
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { cancelQuietly } from './cancel.ts'
import { toUnmoorError, withoutEffect } from './errors.ts'
import { type SharedPool, sharedPool } from './pool.ts'
import { toMilliseconds } from '../shared/timeout.ts'
import { makeTables, tableName, TABLES, type TableSet } from './tables.ts'
import type { PostgresStoreOptions } from './options.ts'

/** What a statement's parameters may be. Text for a bytea is taken as its UTF-8 bytes. */
export type Parameter = string | number | null | Uint8Array<ArrayBuffer>

/** Rows as arrays of columns. */
export type Rows<Row> = Row[] & { readonly count: number }

// `simple` is not in its types: without it, a statement without parameters would go by another protocol,
// unprepared.
const STATEMENT = { prepare: true, simple: false } as postgres.UnsafeQueryOptions

/** A query whose rows are arrays of columns. `Row` states them; nothing checks it. */
function arrays<Row>(query: postgres.PendingQuery<postgres.Row[]>): ArrayQuery<Row> {
  return query.values() as unknown as ArrayQuery<Row>
}

type ArrayQuery<Row> = Promise<Rows<Row>> & Pick<postgres.PendingQuery<postgres.Row[]>, 'cancel'>

/** The tables of one kind of binding on one server: made at the first statement. */
export class Database {
  readonly shared: SharedPool
  /** The main table. */
  readonly table: string
  #set: TableSet
  #schema: string | undefined
  #timeout: number
  #made: Promise<void> | undefined
  #ready = false

  constructor(shared: SharedPool, set: TableSet, { schema, timeout = 30 }: PostgresStoreOptions) {
    this.shared = shared
    this.table = tableName(TABLES[set], schema)
    this.#set = set
    this.#schema = schema
    this.#timeout = timeout
  }

  /** Another table of the set. */
  tableNamed(table: string): string {
    return tableName(table, this.#schema)
  }

  /** For messages: host and database. */
  get name(): string {
    return this.shared.server.name
  }

  /** Runs a statement that may have taken effect if its answer does not come. */
  write<Row>(text: string, params: readonly Parameter[]): Promise<Rows<Row>> {
    return this.#run(text, params, true)
  }

  read<Row>(text: string, params: readonly Parameter[]): Promise<Rows<Row>> {
    return this.#run(text, params, false)
  }

  /**
   * Runs `work` in a transaction (READ COMMITTED): it commits when `work` resolves and rolls back when it
   * throws. Statements are given up together after the timeout. `mayHaveApplied` of an error says whether the
   * commit may have come through.
   */
  async transaction<T>(
    work: (run: <Row>(text: string, params: readonly Parameter[]) => Promise<Rows<Row>>) => Promise<T>,
  ): Promise<T> {
    let committing = false
    return this.#timed(
      (late) =>
        this.shared.sql.begin(async (session) => {
          const run = async <Row>(text: string, params: readonly Parameter[]): Promise<Rows<Row>> =>
            Promise.race([arrays<Row>(session.unsafe(text, params as Parameter[], STATEMENT)), late])
          const result = await work(run)
          committing = true
          return result
        }) as Promise<T>,
      () => committing,
    )
  }

  async #run<Row>(text: string, params: readonly Parameter[], write: boolean): Promise<Rows<Row>> {
    if (!this.#ready)
      await this.#timed(
        async () => {},
        () => false,
      )
    const query = arrays<Row>(this.shared.sql.unsafe(text, params as Parameter[], STATEMENT))
    // A race by hand, as `Promise.race` makes several promises for each statement.
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        cancelQuietly(query)
        reject(this.#late(write))
      }, this.#timeout * 1000)
      query.then(
        (rows) => {
          clearTimeout(timer)
          resolve(rows)
        },
        (error: unknown) => {
          clearTimeout(timer)
          const known = toUnmoorError(error, this.name)
          reject(write ? known : withoutEffect(known))
        },
      )
    })
  }

  #late(mayHaveApplied: boolean): UnmoorError {
    return new UnmoorError('Timeout', `Postgres (${this.name}) gave no answer within ${this.#timeout} s.`, {
      mayHaveApplied,
    })
  }

  /**
   * Makes the tables, where that has not been done, and does `work`, all within the timeout. `mayApply`:
   * whether what was sent by now may have taken effect.
   */
  async #timed<T>(work: (late: Promise<never>) => Promise<T>, mayApply: () => boolean): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    try {
      const late = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(this.#late(mayApply())), this.#timeout * 1000)
      })
      if (!this.#ready) await Promise.race([this.#make(), late])
      return await Promise.race([work(late), late])
    } catch (error) {
      const known = toUnmoorError(error, this.name)
      throw mayApply() ? known : withoutEffect(known)
    } finally {
      clearTimeout(timer)
    }
  }

  async #make(): Promise<void> {
    this.#made ??= makeTables(this.shared.sql, this.#set, this.#schema)
    try {
      await this.#made
      this.#ready = true
    } catch (error) {
      this.#made = undefined
      throw error
    }
  }

  close(): Promise<void> {
    return this.shared.close()
  }
}

/** Errors are those of `connect`. */
export async function openDatabase(
  set: TableSet,
  options: PostgresStoreOptions,
  context: DriverContext,
): Promise<Database> {
  const timeout = toMilliseconds(options.timeout ?? 30, 'timeout', context.binding)
  return new Database(await sharedPool(options, context), set, { ...options, timeout: timeout / 1000 })
}
