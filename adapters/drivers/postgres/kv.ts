import { prefixEnd, utf8, utf8Text } from '../../../core/bindings/bytes.ts'
import type {
  DriverContext,
  DriverFactory,
  KvDriver,
  KvEntry,
  KvListEntry,
} from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { decodeCursor, encodeCursor } from '../shared/cursor.ts'
import { type Database, openDatabase, type Parameter } from './database.ts'
import type { PostgresStoreOptions } from './options.ts'

export type PutOptions = Parameters<KvDriver['put']>[2]
export type Value = string | Uint8Array<ArrayBuffer>
/** The columns of a KV entry in Postgres, as {@link ENTRY} selects them. */
export type EntryRow = [
  text: string | null,
  bytes: Uint8Array<ArrayBuffer> | null,
  metadata: string | null,
  expiration: number | null,
]
type ListRow = [key: Uint8Array<ArrayBuffer>, metadata: string | null, expiration: number | null]

export const ENTRY = 'text_value, bytes_value, metadata, expiration'

const CURSOR = 'pk1'
/**
 * Number of KV puts between two sweeps for expired entries in Postgres, and number of entries that one sweep
 * step removes.
 */
const SWEEP_EVERY = 500
const SWEEP_SIZE = 1000
/**
 * Milliseconds after the last step of a sweep for expired KV entries in which lists start no new sweep. A
 * sweep without a step for as long is taken as dead, because on Workers it ends with its request.
 */
const SWEEP_REST = 60_000

/** Key-value driver on a Postgres table that all kv bindings of the database share. */
export const kv: DriverFactory<'kv', PostgresStoreOptions> = async (options, context) =>
  new PostgresKv(await openDatabase('kv', options, context), context)

/**
 * A key-value store in Postgres. Every read leaves out expired entries, and removes those that it meets.
 * Meeting an expired entry, every 500th put, and a list a minute start a sweep, which goes on in steps until
 * nothing expired is left: a list walks over expired entries, so its cost grows with them. No timer sweeps,
 * because on Workers no timer can outlive its request.
 */
export class PostgresKv implements KvDriver {
  protected readonly database: Database
  /** Key of the KV binding's rows in the shared Postgres table. */
  protected readonly store: string
  #now: () => number
  #puts = 0
  #sweeping = false
  /**
   * Time at which the last step of a sweep for expired KV entries began or ended, by the clock of this
   * driver.
   */
  #stepped = -Infinity

  constructor(database: Database, context: DriverContext) {
    this.database = database
    this.store = `${context.app}/${context.binding}`
    this.#now = () => context.now()
  }

  async get(key: string, as: 'text' | 'bytes' | 'stream'): Promise<KvEntry | null> {
    const { database, store } = this
    const [row] = await database.read<EntryRow>(
      `SELECT ${ENTRY} FROM ${database.table} WHERE store = $1 AND key = $2`,
      [store, key],
    )
    return row === undefined || this.isExpired(row[3], key) ? null : toEntry(row, as)
  }

  async getMany(keys: readonly string[], as: 'text' | 'bytes'): Promise<Map<string, KvEntry>> {
    const { database, store } = this
    // A Postgres array literal of bytea values in hex form.
    const literal = `{${keys.map((key) => `"\\\\x${Buffer.from(key).toString('hex')}"`).join(',')}}`
    const rows = await database.read<[...EntryRow, key: Uint8Array<ArrayBuffer>]>(
      `SELECT ${ENTRY}, key FROM ${database.table} WHERE store = $1 AND key = ANY (CAST($2 AS bytea[]))`,
      [store, literal],
    )
    const entries = new Map<string, KvEntry>()
    for (const [text, bytes, metadata, expiration, key] of rows) {
      const name = utf8Text(key)
      if (!this.isExpired(expiration, name))
        entries.set(name, toEntry([text, bytes, metadata, expiration], as))
    }
    return entries
  }

  async put(key: string, value: Value, options: PutOptions): Promise<void> {
    const { database, store } = this
    await database.write(
      `INSERT INTO ${database.table} (store, key, ${ENTRY}) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT ` +
        `(store, key) DO UPDATE SET ${REPLACE}`,
      [store, key, ...columns(value, options)],
    )
    if (++this.#puts % SWEEP_EVERY === 0) this.#quietly(this.#sweep())
  }

  async delete(key: string): Promise<void> {
    const { database, store } = this
    await database.write(`DELETE FROM ${database.table} WHERE store = $1 AND key = $2`, [store, key])
  }

  async list({
    prefix,
    cursor,
    limit,
  }: Parameters<KvDriver['list']>[0]): Promise<{ keys: KvListEntry[]; cursor?: string | undefined }> {
    const { database, store } = this
    const after = cursor === undefined ? undefined : decodeCursor(CURSOR, cursor)
    if (after !== undefined && !after.startsWith(prefix))
      throw new UnmoorError('InvalidArgument', 'The cursor belongs to a list with another prefix.')
    const end = prefix === '' ? undefined : prefixEnd(prefix)
    if (Math.abs(this.#now() - this.#stepped) >= SWEEP_REST) this.#quietly(this.#sweep())
    const rows = await database.read<ListRow>(
      `SELECT key, metadata, expiration FROM ${database.table}
        WHERE store = $1 AND key ${after === undefined ? '>=' : '>'} $2
          AND (expiration IS NULL OR expiration > $3) ${end === undefined ? '' : 'AND key < $5'}
        ORDER BY key LIMIT $4`,
      [store, after ?? prefix, this.seconds(), limit + 1, ...(end === undefined ? [] : [end])],
    )
    const keys = rows.slice(0, limit).map(([key, metadata, expiration]) => ({
      name: utf8Text(key),
      metadata: metadata ?? undefined,
      expiration: expiration ?? undefined,
    }))
    return rows.length > limit
      ? { keys, cursor: encodeCursor(CURSOR, keys[limit - 1]?.name ?? '') }
      : { keys }
  }

  /** True if the KV entry has expired; the entry is then removed in the background. */
  protected isExpired(expiration: number | null, key: string): boolean {
    if (expiration === null || expiration * 1000 > this.#now()) return false
    const { database, store } = this
    this.#quietly(
      database.write(`DELETE FROM ${database.table} WHERE store = $1 AND key = $2 AND expiration <= $3`, [
        store,
        key,
        this.seconds(),
      ]),
    )
    this.#quietly(this.#sweep())
    return true
  }

  /** The driver's current time in seconds since 1970, by which kv entries expire. */
  protected seconds(): number {
    return Math.floor(this.#now() / 1000)
  }

  async #sweep(): Promise<void> {
    if (this.#sweeping && Math.abs(this.#now() - this.#stepped) < SWEEP_REST) return
    this.#sweeping = true
    this.#stepped = this.#now()
    const { database, store } = this
    const found =
      `SELECT key FROM ${database.table} WHERE store = $1 AND expiration <= $2 LIMIT ` +
      `${SWEEP_SIZE} FOR UPDATE SKIP LOCKED`
    try {
      for (let removed = SWEEP_SIZE; removed === SWEEP_SIZE;) {
        const { count } = await database.write(
          `DELETE FROM ${database.table} WHERE store = $1 AND key = ANY (ARRAY(${found}))`,
          [store, this.seconds()],
        )
        removed = count
        this.#stepped = this.#now()
      }
    } finally {
      this.#sweeping = false
    }
  }

  /** Ignores errors of a clean-up of expired KV entries, because the next clean-up does the same work. */
  #quietly(cleaning: Promise<unknown>): void {
    cleaning.catch(() => {})
  }

  close(): Promise<void> {
    return this.database.close()
  }
}

/**
 * SET clause that replaces all columns of a KV entry in Postgres, including its version, with those of the
 * INSERT.
 */
export const REPLACE =
  'text_value = excluded.text_value, bytes_value = excluded.bytes_value, metadata = ' +
  'excluded.metadata, expiration = excluded.expiration, version = excluded.version'

/** Converts a KV entry to the parameters of {@link ENTRY}. */
export function columns(value: Value, { metadata, expiration }: PutOptions): Parameter[] {
  const isText = typeof value === 'string' && !value.includes('\0')
  return [isText ? value : null, isText ? null : value, metadata ?? null, expiration ?? null]
}

export function toEntry(
  [text, bytes, metadata, expiration]: EntryRow,
  as: 'text' | 'bytes' | 'stream',
): KvEntry & { value: Value } {
  const value = as === 'text' ? (text ?? utf8Text(bytes as Uint8Array)) : (bytes ?? utf8(text as string))
  return { value, metadata: metadata ?? undefined, expiration: expiration ?? undefined }
}
