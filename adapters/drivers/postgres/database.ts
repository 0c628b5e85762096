import type postgres from 'postgres'
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { cancelQuietly } from './cancel.ts'
import type { PostgresOptions } from './connect.ts'
import { toUnmoorError } from './errors.ts'
import { type SharedPool, sharedPool } from './pool.ts'
import { makeTables, tableName, TABLES, type TableSet } from './tables.ts'

/** Options of the drivers that keep their data in tables of their own. */
export interface PostgresStoreOptions extends PostgresOptions {
  /** Seconds until a statement is given up as `Timeout`. Default: 30. */
  timeout?: number
}

/** What a statement's parameters may be. Text for a bytea is taken as its UTF-8 bytes. */
export type Parameter = string | number | null | Uint8Array<ArrayBuffer>

/** Rows as arrays of columns. */
export type Rows<Row> = Row[] & { readonly count: number }

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

  async #run<Row>(text: string, params: readonly Parameter[], write: boolean): Promise<Rows<Row>> {
    let sent = false
    let timer: NodeJS.Timeout | undefined
    try {
      let pending: postgres.PendingValuesQuery<(postgres.Row & Iterable<postgres.Row>)[]> | undefined
      const late = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => {
          if (pending !== undefined) cancelQuietly(pending)
          reject(new UnmoorError('Timeout', `Postgres (${this.name}) gave no answer within ${this.#timeout} s.`, { mayHaveApplied: write && sent }))
        }, this.#timeout * 1000)
      })
      if (!this.#ready) await Promise.race([this.#make(), late])
      sent = true
      // `simple` is not in its types: without it, a statement without parameters would go by another protocol, unprepared.
      pending = this.shared.sql.unsafe(text, params as Parameter[], { prepare: true, simple: false } as postgres.UnsafeQueryOptions).values()
      return (await Promise.race([pending, late])) as unknown as Rows<Row>
    } catch (error) {
      const known = toUnmoorError(error, this.name)
      // What only reads, or was not sent, cannot have been applied.
      if (known instanceof UnmoorError && known.mayHaveApplied && !(write && sent))
        throw new UnmoorError(known.code, known.message, { details: known.details, retryable: known.retryable, cause: known.cause })
      throw known
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
export async function openDatabase(set: TableSet, options: PostgresStoreOptions, context: DriverContext): Promise<Database> {
  const { timeout } = options
  if (timeout !== undefined && !(timeout > 0 && timeout <= 3600))
    throw new UnmoorError('InvalidArgument', `Binding "${context.binding}": timeout is ${timeout}, not seconds from above 0 to 3,600.`, {
      binding: context.binding,
    })
  return new Database(await sharedPool(options, context), set, options)
}
