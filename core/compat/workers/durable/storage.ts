import { utf8Length } from '../../../bindings/bytes.ts'
import { deserialize, serialize } from '../structured.ts'
import { scheduleAlarm } from './alarms.ts'
import { SqlStorage } from './sql.ts'
import type { ObjectStore } from './store.ts'

interface ListOptions {
  start?: string
  startAfter?: string
  end?: string
  prefix?: string
  reverse?: boolean
  limit?: number
}

/** https://developers.cloudflare.com/durable-objects/platform/limits/ */
const LIMITS = { entry: 2 * 1024 * 1024, keys: 128 }

/**
 * Cloudflare's DurableObjectStorage over the object's own database:
 * https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/
 */
export class Storage {
  readonly sql: SqlStorage
  readonly kv: SyncKv
  #store: ObjectStore
  /** Keeps other events out while an asynchronous transaction runs. */
  #exclusive: <T>(work: () => Promise<T>) => Promise<T>

  constructor(store: ObjectStore, exclusive: <T>(work: () => Promise<T>) => Promise<T>) {
    this.#store = store
    this.#exclusive = exclusive
    this.sql = new SqlStorage(store)
    this.kv = new SyncKv(store)
  }

  get<T = unknown>(key: string, options?: object): Promise<T | undefined>
  get<T = unknown>(keys: readonly string[], options?: object): Promise<Map<string, T>>
  async get(keys: string | readonly string[], _options?: object): Promise<unknown> {
    if (typeof keys === 'string') return this.kv.get(keys)
    checkCount(keys.length)
    const found = new Map<string, unknown>()
    for (const key of [...keys].sort()) {
      const value = this.kv.get(key)
      if (value !== undefined) found.set(key, value)
    }
    return found
  }

  async put(keyOrEntries: string | Readonly<Record<string, unknown>>, value?: unknown): Promise<void> {
    if (typeof keyOrEntries === 'string') this.kv.put(keyOrEntries, value)
    else {
      const entries = Object.entries(keyOrEntries)
      checkCount(entries.length)
      this.#store.savepoint(() => {
        for (const [key, one] of entries) this.kv.put(key, one)
      })
    }
    await this.#store.written()
  }

  delete(key: string, options?: object): Promise<boolean>
  delete(keys: readonly string[], options?: object): Promise<number>
  async delete(keys: string | readonly string[], _options?: object): Promise<boolean | number> {
    if (typeof keys === 'string') {
      const removed = this.kv.delete(keys)
      await this.#store.written()
      return removed
    }
    checkCount(keys.length)
    const count = keys.filter((key) => this.kv.delete(key)).length
    await this.#store.written()
    return count
  }

  async list<T = unknown>(options: ListOptions = {}): Promise<Map<string, T>> {
    return new Map(this.kv.list<T>(options))
  }

  /** Removes every key, table and alarm. */
  async deleteAll(): Promise<void> {
    this.#store.savepoint(() => {
      const { rows } = this.#store.query(
        "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND name NOT " +
          "LIKE 'sqlite\\_%' ESCAPE '\\'",
      )
      for (const kind of ['trigger', 'view', 'table'])
        for (const [type, name] of rows)
          if (type === kind)
            this.#store.write(`DROP ${kind} IF EXISTS "${String(name).replaceAll('"', '""')}"`)
      this.#store.write('DELETE FROM _cf_KV')
    })
    scheduleAlarm(this.#store, null)
    await this.#store.written()
  }

  async getAlarm(): Promise<number | null> {
    return (
      (this.#store.query("SELECT value FROM _cf_METADATA WHERE key = 'alarm'").rows[0]?.[0] as
        | number
        | undefined) ?? null
    )
  }

  async setAlarm(scheduledTime: number | Date): Promise<void> {
    const time = Number(scheduledTime)
    if (!Number.isFinite(time) || time < 0)
      throw new TypeError('setAlarm() cannot be called with an invalid date.')
    scheduleAlarm(this.#store, Math.trunc(time))
    await this.#store.written()
  }

  async deleteAlarm(): Promise<void> {
    scheduleAlarm(this.#store, null)
    await this.#store.written()
  }

  /** Runs `work` with this storage; what it throws, and `rollback()`, undo what was written in it. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#exclusive(async () => {
      const end = this.#store.open()
      const transaction = new Transaction(this, () => end(false))
      try {
        const result = await work(transaction)
        end(true)
        await this.#store.written()
        return result
      } catch (error) {
        end(false)
        throw error
      }
    })
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

/** What a transaction's function is given. */
export class Transaction {
  #storage: Storage
  #rollback: () => void

  constructor(storage: Storage, rollback: () => void) {
    this.#storage = storage
    this.#rollback = rollback
  }

  rollback(): void {
    this.#rollback()
  }

  // Of a function with overloads only one can be said here.
  get = ((keys: string) => this.#storage.get(keys)) as Storage['get']
  put: Storage['put'] = (...args) => this.#storage.put(...args)
  delete = ((keys: string) => this.#storage.delete(keys)) as Storage['delete']
  list = <T = unknown>(options?: ListOptions): Promise<Map<string, T>> => this.#storage.list(options)
  getAlarm = (): Promise<number | null> => this.#storage.getAlarm()
  setAlarm = (time: number | Date): Promise<void> => this.#storage.setAlarm(time)
  deleteAlarm = (): Promise<void> => this.#storage.deleteAlarm()
}

/** `storage.kv`: the same keys, synchronously. */
export class SyncKv {
  #store: ObjectStore

  constructor(store: ObjectStore) {
    this.#store = store
  }

  /** The caller names the value's type, as in the next. */
  get<T = unknown>(key: string): T | undefined {
    checkKey(key)
    const text = this.#store.query('SELECT value FROM _cf_KV WHERE key = ?1', [key]).rows[0]?.[0]
    return text === undefined ? undefined : (deserialize(text as string) as T)
  }

  put(key: string, value: unknown): void {
    checkKey(key)
    if (value === undefined) throw new TypeError('put() called with undefined value.')
    const text = serialize(value)
    const size = (key.length + text.length) * 3 > LIMITS.entry ? utf8Length(key) + utf8Length(text) : 0
    if (size > LIMITS.entry)
      throw new RangeError(
        `Key and value together cannot be larger than ${LIMITS.entry} bytes. They have ${size}.`,
      )
    this.#store.write(
      'INSERT INTO _cf_KV (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ' +
        'excluded.value',
      [key, text],
    )
  }

  delete(key: string): boolean {
    checkKey(key)
    return this.#store.write('DELETE FROM _cf_KV WHERE key = ?1', [key]).changes > 0
  }

  *list<T = unknown>(options: ListOptions = {}): Iterable<[string, T]> {
    const { start, startAfter, end, prefix, reverse = false, limit } = options
    if (start !== undefined && startAfter !== undefined)
      throw new TypeError('list() cannot be called with both start and startAfter values.')
    if (limit !== undefined && !(limit > 0)) throw new TypeError('List limit must be positive.')
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
    const most = limit === undefined ? '' : ` LIMIT ${Math.trunc(limit)}`
    const order = ` ORDER BY key${reverse ? ' DESC' : ''}${most}`
    for (const [key, text] of this.#store.query(`SELECT key, value FROM _cf_KV${where}${order}`, params).rows)
      yield [key as string, deserialize(text as string) as T]
  }
}

function checkKey(key: string): void {
  if (typeof key !== 'string')
    throw new TypeError(`Incorrect type for key: it is a string, not ${typeof key}.`)
}

function checkCount(count: number): void {
  if (count > LIMITS.keys) throw new RangeError(`Maximum number of keys is ${LIMITS.keys}.`)
}
