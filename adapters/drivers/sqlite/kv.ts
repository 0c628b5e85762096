import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
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
import { fileName } from '../shared/location.ts'
import { type ArrayStatement, prepareArrays } from './array-statement.ts'
import { toUnmoorError } from './errors.ts'
import { ExpiredRun, type Moment, type Start } from './expired-run.ts'
import { databasePath, openDatabase } from './open.ts'
import { Sweeper } from './sweeper.ts'
import type { SqliteOptions } from './options.ts'

/** Rows of KV entries as arrays, as SQLite's `setReturnArrays` returns them. */
type EntryRow = [value: string | Uint8Array<ArrayBuffer>, metadata: string | null, expiration: number | null]
type ListRow = [key: string, metadata: string | null, expiration: number | null]

/** SQLite statements that list KV keys from a start; the `ToEnd` ones have no upper bound. */
interface Lists {
  /** Statement that reads at most {@link SCAN_SIZE} rows of a KV list. */
  step: ArrayStatement<ListRow>
  stepToEnd: ArrayStatement<ListRow>
  /** Statement that reads any number of rows of a KV list. */
  plain: ArrayStatement<ListRow>
  plainToEnd: ArrayStatement<ListRow>
}

const CURSOR = 'sk1'
/**
 * Number of KV entries that one sweep removes, and of rows that a list reads at once: small, because they
 * block the event loop.
 */
const SWEEP_SIZE = 500
const SCAN_SIZE = 2000

/** Key-value driver on one SQLite table. */
export const kv: DriverFactory<'kv', SqliteOptions> = (options, context) =>
  open({ synchronous: 'normal', ...options }, context, (store) => new SqliteKv(store))

/** The SQLite table with a KV binding's entries. */
export interface KvTable {
  database: DatabaseSync
  path: string
  /** Quoted name of the KV binding's SQLite table. */
  table: string
  /** Clock of the KV store: returns the current time in milliseconds since 1970. */
  now: () => number
}

/** Opens the KV binding's SQLite file and creates a driver for its table. */
export function open<Driver>(
  options: SqliteOptions & { synchronous: 'full' | 'normal' },
  context: DriverContext,
  create: (store: KvTable) => Driver,
): Driver {
  const path = databasePath(options, context, `kv-${fileName(context.binding)}`)
  const database = openDatabase(path, options)
  try {
    return create({
      database,
      path,
      table: quote(`kv:${context.app}:${context.binding}`),
      now: () => context.now(),
    })
  } catch (error) {
    database.close()
    throw toUnmoorError(error, path)
  }
}

/** Quotes a name as an SQL identifier. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * A key-value store in SQLite. Keys are TEXT with the BINARY collation: SQLite compares their UTF-8 bytes,
 * which is the contract's order, and keeps NUL characters. (Ill-formed text, which TEXT would change, never
 * arrives here.) Values are TEXT or BLOB as they were put, so they usually need no conversion.
 */
export class SqliteKv implements KvDriver {
  #database: DatabaseSync
  #path: string
  #now: () => number
  #get: ArrayStatement<EntryRow>
  #put: StatementSync
  #delete: StatementSync
  #deleteExpired: StatementSync
  #listsFrom: Lists
  #listsAfter: Lists
  #earliest: ArrayStatement<[expiration: number | null]>
  #scanEnd: ArrayStatement<[key: string]>
  #scanEndAfter: ArrayStatement<[key: string]>
  #dataVersion: ArrayStatement<[version: number]>
  #begin: StatementSync
  #commit: StatementSync
  #expired = new ExpiredRun()
  #sweeper: Sweeper

  constructor({ database, path, table, now }: KvTable) {
    database.exec(
      `CREATE TABLE IF NOT EXISTS ${table} (key TEXT NOT NULL PRIMARY KEY, value NOT NULL, metadata ` +
        'TEXT, expiration INTEGER)',
    )
    database.exec(
      `CREATE INDEX IF NOT EXISTS ${table.slice(0, -1)}:expiration" ON ${table} (expiration) WHERE ` +
        'expiration IS NOT NULL',
    )
    this.#database = database
    this.#path = path
    this.#now = now
    this.#get = prepareArrays(database, `SELECT value, metadata, expiration FROM ${table} WHERE key = ?`)
    this.#put = database.prepare(`INSERT INTO ${table} (key, value, metadata, expiration) VALUES (?, ?, ?, ?)
      ON CONFLICT (key) DO UPDATE SET value = excluded.value, metadata = excluded.metadata,
        expiration = excluded.expiration`)
    this.#delete = database.prepare(`DELETE FROM ${table} WHERE key = ?`)
    this.#deleteExpired = database.prepare(`DELETE FROM ${table} WHERE key = ? AND expiration <= ?`)
    const sweep = database.prepare(
      `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE expiration <= ? LIMIT ` +
        `${SWEEP_SIZE})`,
    )
    const lists = (from: string): Lists => {
      const live = 'expiration IS NULL OR expiration > ?'
      const columns = 'key, metadata, expiration'
      const all = `SELECT ${columns} FROM ${table} WHERE ${from}`
      const step = (range: string): string =>
        `SELECT ${columns} FROM (${all}${range} ORDER BY key LIMIT ${SCAN_SIZE}) WHERE ${live} LIMIT ?`
      const plain = (range: string): string => `${all}${range} AND (${live}) ORDER BY key LIMIT ?`
      return {
        step: prepareArrays(database, step(' AND key < ?')),
        stepToEnd: prepareArrays(database, step('')),
        plain: prepareArrays(database, plain(' AND key < ?')),
        plainToEnd: prepareArrays(database, plain('')),
      }
    }
    this.#listsFrom = lists('key >= ?')
    this.#listsAfter = lists('key > ?')
    const scanEnd = (range: string): ArrayStatement<[key: string]> =>
      prepareArrays(
        database,
        `SELECT key FROM ${table} WHERE ${range} ORDER BY key LIMIT 1 OFFSET ${SCAN_SIZE - 1}`,
      )
    this.#scanEnd = scanEnd('key >= ?')
    this.#scanEndAfter = scanEnd('key > ?')
    this.#dataVersion = prepareArrays(database, 'PRAGMA data_version')
    this.#begin = database.prepare('BEGIN')
    this.#commit = database.prepare('COMMIT')
    this.#earliest = prepareArrays(
      database,
      `SELECT min(expiration) FROM ${table} WHERE expiration IS NOT NULL`,
    )
    this.#sweeper = new Sweeper({
      sweep: () => sweep.run(this.#seconds()).changes === SWEEP_SIZE,
      next: () => this.#earliest.get()?.[0] ?? undefined,
      now,
    })
  }

  async get(key: string, as: 'text' | 'bytes' | 'stream'): Promise<KvEntry | null> {
    return this.#read(key, as)
  }

  async getMany(keys: readonly string[], as: 'text' | 'bytes'): Promise<Map<string, KvEntry>> {
    const entries = new Map<string, KvEntry>()
    for (const key of keys) {
      const entry = this.#read(key, as)
      if (entry !== null) entries.set(key, entry)
    }
    return entries
  }

  #read(key: string, as: 'text' | 'bytes' | 'stream'): KvEntry | null {
    try {
      const row = this.#get.get(key)
      if (row === undefined) return null
      const [stored, metadata, expiration] = row
      if (expiration !== null && expiration * 1000 <= this.#now()) {
        this.#deleteExpired.run(key, this.#seconds())
        return null
      }
      return {
        value: convert(stored, as),
        metadata: metadata ?? undefined,
        expiration: expiration ?? undefined,
      }
    } catch (error) {
      throw toUnmoorError(error, this.#path)
    }
  }

  async put(
    key: string,
    value: string | Uint8Array<ArrayBuffer>,
    options: { metadata?: string | undefined; expiration?: number | undefined },
  ): Promise<void> {
    try {
      this.#put.run(key, value, options.metadata ?? null, options.expiration ?? null)
      this.wrote(key, options.expiration)
    } catch (error) {
      throw toUnmoorError(error, this.#path)
    }
  }

  /**
   * Records a KV put: its expiration is scheduled, and the run of expired keys is forgotten if it has the
   * key.
   */
  protected wrote(key: string, expiration: number | undefined): void {
    this.#expired.wrote(key)
    if (expiration !== undefined) this.#sweeper.note(expiration)
  }

  async delete(key: string): Promise<void> {
    try {
      this.#delete.run(key)
    } catch (error) {
      throw toUnmoorError(error, this.#path)
    }
  }

  async list({
    prefix,
    cursor,
    limit,
  }: {
    prefix: string
    cursor?: string | undefined
    limit: number
  }): Promise<{ keys: KvListEntry[]; cursor?: string | undefined }> {
    const after = cursor === undefined ? undefined : decodeCursor(CURSOR, cursor)
    if (after !== undefined && !after.startsWith(prefix))
      throw new UnmoorError('InvalidArgument', 'The cursor belongs to a list with another prefix.')
    const start = after === undefined ? { key: prefix, behind: false } : { key: after, behind: true }
    const rows = this.#plainRows(prefix, start, limit + 1) ?? (await this.#rows(prefix, start, limit + 1))
    const keys = rows.slice(0, limit).map(([name, metadata, expiration]) => ({
      name,
      metadata: metadata ?? undefined,
      expiration: expiration ?? undefined,
    }))
    return rows.length > limit
      ? { keys, cursor: encodeCursor(CURSOR, keys[limit - 1]?.name ?? '') }
      : { keys }
  }

  /**
   * Returns the rows of a KV list if no entry at all has expired, which is the usual case; undefined
   * otherwise.
   */
  #plainRows(prefix: string, { key, behind }: Start, count: number): ListRow[] | undefined {
    const seconds = this.#seconds()
    const end = prefix === '' ? undefined : prefixEnd(prefix)
    const { plain, plainToEnd } = behind ? this.#listsAfter : this.#listsFrom
    try {
      // A KV list's two statements are in one transaction, so that they lock the SQLite file only once.
      this.#begin.run()
      if ((this.#earliest.get()?.[0] ?? Infinity) <= seconds) return undefined
      return end === undefined ? plainToEnd.all(key, seconds, count) : plain.all(key, end, seconds, count)
    } catch (error) {
      throw toUnmoorError(error, this.#path)
    } finally {
      if (this.#database.isTransaction) this.#commit.run()
    }
  }

  /**
   * Returns the rows of a KV list. Many expired entries in a row are passed in steps, so that they do not
   * block the event loop.
   */
  async #rows(prefix: string, start: Start, count: number): Promise<ListRow[]> {
    const rows: ListRow[] = []
    for (let from = start; ;) {
      // The SQLite database's state is read before the step of a KV list, so that a commit of another process
      // during the step is noticed later.
      const at = { version: this.#dataVersion.get()?.[0] ?? 0, seconds: this.#seconds() }
      from = this.#expired.pass(from, at)
      const { found, last } = this.#scan(prefix, from, count - rows.length, at)
      rows.push(...found)
      const [first, live] = [found[0]?.[0], found.at(-1)?.[0]]
      if (first !== undefined) this.#expired.extend(from, { key: first, behind: false }, at)
      if (last === undefined) return rows
      const next = { key: last, behind: true }
      this.#expired.note(live === undefined ? from : { key: live, behind: true }, next, at)
      from = next
      await nextTurn()
    }
  }

  /**
   * Runs one step of a KV list: returns its rows and, if they are too few and more keys follow, the position
   * to continue from.
   */
  #scan(
    prefix: string,
    start: Start,
    count: number,
    { seconds }: Moment,
  ): { found: ListRow[]; last: string | undefined } {
    const end = prefix === '' ? undefined : prefixEnd(prefix)
    const { step, stepToEnd } = start.behind ? this.#listsAfter : this.#listsFrom
    const scanEnd = start.behind ? this.#scanEndAfter : this.#scanEnd
    try {
      // The statements of a KV list's step are in one transaction, so that they read the same state even if
      // other processes remove entries.
      this.#begin.run()
      const found =
        end === undefined
          ? stepToEnd.all(start.key, seconds, count)
          : step.all(start.key, end, seconds, count)
      const last = found.length < count ? scanEnd.get(start.key)?.[0] : undefined
      return { found, last: last?.startsWith(prefix) === true ? last : undefined }
    } catch (error) {
      throw toUnmoorError(error, this.#path)
    } finally {
      if (this.#database.isTransaction) this.#commit.run()
    }
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1000)
  }

  close(): void {
    this.#sweeper.close()
    this.#database.close()
  }
}

/** Converts a stored KV value to the requested form. */
export function convert(
  stored: string | Uint8Array<ArrayBuffer>,
  as: 'text' | 'bytes' | 'stream',
): string | Uint8Array<ArrayBuffer> {
  if (as === 'text') return typeof stored === 'string' ? stored : utf8Text(stored)
  return typeof stored === 'string' ? utf8(stored) : stored
}
