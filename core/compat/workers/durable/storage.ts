import { deserialize, serialize } from '../structured.ts'
import { scheduleAlarm } from './alarms.ts'
import {
  checkEntry,
  type ListOptions,
  toAlarmTime,
  toEntries,
  toText,
  toKeys,
  toListOptions,
} from './arguments.ts'
import type { Gate } from './gate.ts'
import { SqlStorage } from './sql.ts'
import type { ObjectStore } from './store.ts'
import { type StorageMethods, Transaction } from './transaction.ts'

/**
 * Cloudflare's DurableObjectStorage over the object's own database:
 * https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/
 */
export class Storage implements StorageMethods {
  readonly sql: SqlStorage
  readonly kv: SyncKv
  #store: ObjectStore
  /** Blocks other events of the Durable Object while an asynchronous transaction runs. */
  #gate: Gate

  constructor(store: ObjectStore, gate: Gate) {
    this.#store = store
    this.#gate = gate
    this.sql = new SqlStorage(store)
    this.kv = new SyncKv(store)
  }

  get<T = unknown>(key: string, options?: object): Promise<T | undefined>
  get<T = unknown>(keys: readonly string[], options?: object): Promise<Map<string, T>>
  async get(...args: readonly unknown[]): Promise<unknown> {
    const keys = toKeys('get', args)
    if (typeof keys === 'string') return this.kv.get(keys)
    const found = new Map<string, unknown>()
    for (const key of keys.sort()) {
      const value = this.kv.get(key)
      if (value !== undefined) found.set(key, value)
    }
    return found
  }

  put(key: string, value: unknown, options?: object): Promise<void>
  put(entries: Readonly<Record<string, unknown>>, options?: object): Promise<void>
  async put(...args: readonly unknown[]): Promise<void> {
    const entries = toEntries(args)
    const putAll = (): void => {
      for (const [key, value] of entries) this.kv.put(key, value)
    }
    if (entries.length < 2) putAll()
    else this.#store.savepoint(putAll)
    await this.#store.written()
  }

  delete(key: string, options?: object): Promise<boolean>
  delete(keys: readonly string[], options?: object): Promise<number>
  async delete(...args: readonly unknown[]): Promise<boolean | number> {
    const keys = toKeys('delete', args)
    const removed =
      typeof keys === 'string' ? this.kv.delete(keys) : keys.filter((key) => this.kv.delete(key)).length
    await this.#store.written()
    return removed
  }

  async list<T = unknown>(options?: ListOptions): Promise<Map<string, T>> {
    return new Map(this.kv.list<T>(toListOptions('DurableObjectStorage', options)))
  }

  /** Deletes every key, table and alarm of the Durable Object. */
  async deleteAll(): Promise<void> {
    this.#store.savepoint(() => {
      // `deleteAll` has foreign keys checked at the end, since it drops tables that refer to each other one
      // by one.
      this.#store.query('PRAGMA defer_foreign_keys = ON')
      // `deleteAll` drops virtual tables first: their shadow tables go with them and cannot be dropped alone.
      this.#dropAll("sql LIKE 'CREATE VIRTUAL %' ORDER BY rowid DESC")
      this.#dropAll("type IN ('trigger', 'view') ORDER BY type")
      this.#dropAll("type = 'table'")
      this.#store.write('DELETE FROM _cf_KV')
    })
    scheduleAlarm(this.#store, null)
    await this.#store.written()
  }

  #dropAll(which: string): void {
    const { rows } = this.#store.query(
      "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND name NOT " +
        `LIKE 'sqlite\\_%' ESCAPE '\\' AND ${which}`,
    )
    for (const [type, name] of rows)
      this.#store.write(`DROP ${String(type)} IF EXISTS "${String(name).replaceAll('"', '""')}"`)
  }

  async getAlarm(): Promise<number | null> {
    return (
      (this.#store.query("SELECT value FROM _cf_METADATA WHERE key = 'alarm'").rows[0]?.[0] as
        | number
        | undefined) ?? null
    )
  }

  async setAlarm(scheduledTime: number | Date): Promise<void> {
    scheduleAlarm(this.#store, toAlarmTime(scheduledTime))
    await this.#store.written()
  }

  async deleteAlarm(): Promise<void> {
    scheduleAlarm(this.#store, null)
    await this.#store.written()
  }

  /**
   * Runs `work` in a transaction of the Durable Object's storage; an error or `rollback()` undoes its writes.
   */
  async transaction<T>(work: (transaction: Transaction) => T | Promise<T>): Promise<T> {
    if (typeof work !== 'function')
      throw new TypeError(
        "Failed to execute 'transaction' on 'DurableObjectStorage': parameter 1 is not of type 'function'.",
      )
    const result = await this.#gate.run(async (inner) => {
      const transaction = new Transaction(this, this.#store)
      try {
        const value = await work(transaction)
        await inner()
        transaction.commit()
        return value
      } catch (error) {
        await inner()
        transaction.undo()
        throw error
      }
    })
    await this.#store.written()
    return result
  }

  transactionSync<T>(work: () => T): T {
    return this.#store.savepoint(work)
  }

  async sync(): Promise<void> {
    await this.#store.written()
  }

  getCurrentBookmark(): Promise<never> {
    return noBookmarks()
  }

  getBookmarkForTime(_time: number | Date): Promise<never> {
    return noBookmarks()
  }

  onNextSessionRestoreBookmark(_bookmark: string): Promise<never> {
    return noBookmarks()
  }
}

function noBookmarks(): Promise<never> {
  return Promise.reject(
    new Error('Point-in-time recovery is not supported outside of Cloudflare. Back up the data folder.'),
  )
}

/** Durable Objects' `storage.kv`: synchronous access to the same keys as the storage itself. */
export class SyncKv {
  #store: ObjectStore

  constructor(store: ObjectStore) {
    this.#store = store
  }

  /** Returns the value of a storage key, synchronously; the caller chooses its type `T`. */
  get<T = unknown>(key: string): T | undefined {
    const { rows } = this.#store.query('SELECT value FROM _cf_KV WHERE key = ?1', [toText(key)])
    const text = rows[0]?.[0]
    return text === undefined ? undefined : (deserialize(text as string) as T)
  }

  put(key: string, value: unknown): void {
    const name = toText(key)
    if (value === undefined) throw new TypeError('put() called with undefined value.')
    const text = serialize(value)
    checkEntry(name, text)
    this.#store.write(
      'INSERT INTO _cf_KV (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ' +
        'excluded.value',
      [name, text],
    )
  }

  delete(key: string): boolean {
    return this.#store.write('DELETE FROM _cf_KV WHERE key = ?1', [toText(key)]).changes > 0
  }

  list<T = unknown>(options?: ListOptions): IterableIterator<[string, T]> {
    return this.#list<T>(toListOptions('SyncKvStorage', options))
  }

  *#list<T>({
    start,
    startAfter,
    end,
    prefix,
    reverse,
    limit,
  }: ListOptions): Generator<[string, T], undefined> {
    const conditions: string[] = []
    const params: string[] = []
    const add = (condition: string, value: string | undefined): void => {
      if (value === undefined) return
      params.push(value)
      conditions.push(condition.replaceAll('$', `?${params.length}`))
    }
    add('key >= $', start)
    add('key > $', startAfter)
    add('key < $', end)
    add('substr(key, 1, length($)) = $', prefix)
    const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
    const most = limit === undefined ? '' : ` LIMIT ${limit}`
    const order = ` ORDER BY key${reverse === true ? ' DESC' : ''}${most}`
    for (const [key, text] of this.#store.query(`SELECT key, value FROM _cf_KV${where}${order}`, params).rows)
      yield [key as string, deserialize(text as string) as T]
  }
}
