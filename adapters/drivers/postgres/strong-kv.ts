import type { DriverFactory, KvVersionedEntry, StrongKvDriver } from '../../../core/bindings/drivers.ts'
import { openDatabase } from './database.ts'
import type { PostgresStoreOptions } from './options.ts'
import {
  columns,
  ENTRY,
  type EntryRow,
  PostgresKv,
  type PutOptions,
  REPLACE,
  toEntry,
  type Value,
} from './kv.ts'

/**
 * Key-value driver with versions, in the same Postgres table as kv: a binding that becomes strong keeps its
 * entries. The url must name the primary, because reads from a replica would not be consistent.
 */
export const strongKv: DriverFactory<'strongKv', PostgresStoreOptions> = async (options, context) =>
  new PostgresStrongKv(await openDatabase('kv', options, context), context)

/**
 * A strong key-value store in Postgres. Each write is one statement: concurrent writes wait for the row's
 * lock and compare the version again when they hold it. Every write of `PostgresKv` sets a new version too.
 */
class PostgresStrongKv extends PostgresKv implements StrongKvDriver {
  async getWithVersion(key: string, as: 'text' | 'bytes'): Promise<KvVersionedEntry | null> {
    const { database, store } = this
    const [row] = await database.read<[...EntryRow, version: string]>(
      `SELECT ${ENTRY}, version::text FROM ${database.table} WHERE store = $1 AND key = $2`,
      [store, key],
    )
    if (row === undefined || this.isExpired(row[3], key)) return null
    const [text, bytes, metadata, expiration, version] = row
    return { ...toEntry([text, bytes, metadata, expiration], as), version }
  }

  async putIf(
    key: string,
    value: Value,
    options: PutOptions,
    version: string | null,
  ): Promise<string | null> {
    const rows =
      version === null
        ? await this.#create(key, value, options)
        : await this.#replace(key, value, options, version)
    return rows[0]?.[0] ?? null
  }

  #create(key: string, value: Value, options: PutOptions): Promise<[version: string][]> {
    const { database, store } = this
    return database.write(
      `INSERT INTO ${database.table} AS entry (store, key, ${ENTRY}) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (store, key) DO UPDATE SET ${REPLACE} WHERE entry.expiration <= $7
        RETURNING version::text`,
      [store, key, ...columns(value, options), this.seconds()],
    )
  }

  #replace(key: string, value: Value, options: PutOptions, version: string): Promise<[version: string][]> {
    const { database, store } = this
    return database.write(
      `UPDATE ${database.table} SET (${ENTRY}, version) = ($3, $4, $5, $6, DEFAULT)
        WHERE store = $1 AND key = $2 AND version::text = $7 AND (expiration IS NULL OR expiration > $8)
        RETURNING version::text`,
      [store, key, ...columns(value, options), version, this.seconds()],
    )
  }

  async deleteIf(key: string, version: string): Promise<boolean> {
    const { database, store } = this
    const { count } = await database.write(
      `DELETE FROM ${database.table} WHERE store = $1 AND key = $2 AND version::text = $3 AND ` +
        '(expiration IS NULL OR expiration > $4)',
      [store, key, version, this.seconds()],
    )
    return count > 0
  }
}
