import type postgres from 'postgres'
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { cancelQuietly } from './cancel.ts'
import { toUnmoorError, withoutEffect } from './errors.ts'
import { type SharedPool, sharedPool } from './pool.ts'
import { toMilliseconds } from '../shared/timeout.ts'
import { makeTables, tableName, TABLES, type TableSet } from './tables.ts'
import type { PostgresStoreOptions } from './options.ts'
import { inTransaction } from './lost.ts'

/** Types of a Postgres statement's parameters. Text for a bytea is taken as its UTF-8 bytes. */
export type Parameter = string | number | null | Uint8Array<ArrayBuffer>

/** Rows of a Postgres result as arrays of columns. */
export type Rows<Row> = Row[] & { readonly count: number }

// The option `simple` is missing in the types of the Postgres client. Without it, a statement without
// parameters would use the simple query protocol, unprepared.
const STATEMENT = { prepare: true, simple: false } as postgres.UnsafeQueryOptions

/** Returns the rows of a Postgres query as arrays of columns. `Row` states their types without a check. */
function arrays<Row>(query: postgres.PendingQuery<postgres.Row[]>): ArrayQuery<Row> {
  return query.values() as unknown as ArrayQuery<Row>
}

type ArrayQuery<Row> = Promise<Rows<Row>> & Pick<postgres.PendingQuery<postgres.Row[]>, 'cancel'>

/** The Postgres tables of one kind of binding on one server, created at the first statement. */
export class Database {
  readonly shared: SharedPool
  /** Quoted name of the main table among the Postgres tables of this kind of binding. */
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

  /** Returns the quoted name of another one of the Postgres tables of this kind of binding. */
  tableNamed(table: string): string {
    return tableName(table, this.#schema)
  }

  /** Host and database of the Postgres server, for error messages. */
  get name(): string {
    return this.shared.server.name
  }

  /** Runs a Postgres statement that changes data: if its answer does not arrive, it may have taken effect. */
  write<Row>(text: string, params: readonly Parameter[]): Promise<Rows<Row>> {
    return this.#run(text, params, true)
  }

  read<Row>(text: string, params: readonly Parameter[]): Promise<Rows<Row>> {
    return this.#run(text, params, false)
  }

  /**
   * Runs `work` in a Postgres transaction (READ COMMITTED). The transaction commits when `work` resolves and
   * rolls back when it throws. One timeout covers all statements. `mayHaveApplied` of an error is true if the
   * commit may have succeeded.
   */
  async transaction<T>(
    work: (run: <Row>(text: string, params: readonly Parameter[]) => Promise<Rows<Row>>) => Promise<T>,
  ): Promise<T> {
    let committing = false
    return this.#timed(
      (late) =>
        inTransaction(this.shared.sql, async (session) => {
          const run = async <Row>(text: string, params: readonly Parameter[]): Promise<Rows<Row>> =>
            Promise.race([arrays<Row>(session.unsafe(text, params as Parameter[], STATEMENT)), late])
          const result = await work(run)
          committing = true
          return result
        }),
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
    // The Postgres statement is raced against its timeout by hand, because `Promise.race` creates several
    // promises each time.
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
   * Creates the Postgres tables if that has not been done and runs `work`, all within the timeout. `mayApply`
   * returns true if the statements sent so far may have taken effect.
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

/** Opens the Postgres tables of one kind of binding. Errors are those of {@link connect}. */
export async function openDatabase(
  set: TableSet,
  options: PostgresStoreOptions,
  context: DriverContext,
): Promise<Database> {
  const timeout = toMilliseconds(options.timeout ?? 30, 'timeout', context.binding)
  return new Database(await sharedPool(options, context), set, { ...options, timeout: timeout / 1000 })
}
