import { randomUUID } from 'node:crypto'
import type { StatementSync } from 'node:sqlite'
import type {
  DriverFactory,
  KvDriver,
  KvVersionedEntry,
  StrongKvDriver,
} from '../../../core/bindings/drivers.ts'
import { type ArrayStatement, prepareArrays } from './array-statement.ts'
import { toUnmoorError } from './errors.ts'
import { convert, type KvTable, open, SqliteKv } from './kv.ts'
import { inTransaction } from './open.ts'
import type { SqliteOptions } from './options.ts'

type PutOptions = Parameters<KvDriver['put']>[2]
type VersionedRow = [
  value: string | Uint8Array<ArrayBuffer>,
  metadata: string | null,
  expiration: number | null,
  version: string,
]

/**
 * Strong key-value driver on SQLite, with versions. A write is flushed to the disk before it is answered,
 * because a power cut must not undo what others build on.
 */
export const strongKv: DriverFactory<'strongKv', SqliteOptions> = (options, context) =>
  open({ synchronous: 'full', ...options }, context, (store) => new SqliteStrongKv(store))

/**
 * A strong key-value store in SQLite: the table of the plain kv with one more column, so that a binding that
 * becomes strong keeps its entries. Triggers set a version for each write that does not set one. So `put`,
 * and an older process that uses the table as a plain kv, cannot leave a version unchanged.
 */
class SqliteStrongKv extends SqliteKv implements StrongKvDriver {
  #path: string
  #now: () => number
  #get: ArrayStatement<VersionedRow>
  #create: StatementSync
  #replace: StatementSync
  #remove: StatementSync

  constructor(store: KvTable) {
    super(store)
    const { database, path, table, now } = store
    this.#path = path
    this.#now = now
    inTransaction(database, () => {
      const columns = database
        .prepare(`SELECT name FROM pragma_table_info(${table.replaceAll('"', "'")})`)
        .all()
      if (columns.some(({ name }) => name === 'version')) return
      const version = 'lower(hex(randomblob(16)))'
      const trigger = (event: string, when: string): void =>
        database.exec(`CREATE TRIGGER ${table.slice(0, -1)}:${event.split(' ', 1)[0]}"
          AFTER ${event} ON ${table} WHEN ${when}
          BEGIN UPDATE ${table} SET version = ${version} WHERE key = NEW.key; END`)
      database.exec(`ALTER TABLE ${table} ADD COLUMN version TEXT; UPDATE ${table} SET version = ${version}`)
      trigger('INSERT', 'NEW.version IS NULL')
      trigger('UPDATE OF value, metadata, expiration', 'NEW.version IS OLD.version')
    })
    const values =
      'value = excluded.value, metadata = excluded.metadata, expiration = excluded.expiration, version ' +
      '= excluded.version'
    const isAlive = '(expiration IS NULL OR expiration > ?)'
    this.#get = prepareArrays(
      database,
      `SELECT value, metadata, expiration, version FROM ${table} WHERE key = ?`,
    )
    this.#create = database.prepare(`INSERT INTO ${table} (key, value, metadata, expiration, version)
      VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (key) DO UPDATE SET ${values} WHERE ${table}.expiration <= ?`)
    this.#replace = database.prepare(
      `UPDATE ${table} SET value = ?, metadata = ?, expiration = ?, version = ? WHERE key = ? AND ` +
        `version = ? AND ${isAlive}`,
    )
    this.#remove = database.prepare(`DELETE FROM ${table} WHERE key = ? AND version = ? AND ${isAlive}`)
  }

  async getWithVersion(key: string, as: 'text' | 'bytes'): Promise<KvVersionedEntry | null> {
    try {
      const row = this.#get.get(key)
      if (row === undefined) return null
      const [stored, metadata, expiration, version] = row
      if (expiration !== null && expiration * 1000 <= this.#now()) return null
      return {
        value: convert(stored, as),
        metadata: metadata ?? undefined,
        expiration: expiration ?? undefined,
        version,
      }
    } catch (error) {
      throw toUnmoorError(error, this.#path)
    }
  }

  async putIf(
    key: string,
    value: string | Uint8Array<ArrayBuffer>,
    options: PutOptions,
    expected: string | null,
  ): Promise<string | null> {
    const version = randomUUID()
    const entry = [value, options.metadata ?? null, options.expiration ?? null, version] as const
    try {
      const { changes } =
        expected === null
          ? this.#create.run(key, ...entry, this.#seconds())
          : this.#replace.run(...entry, key, expected, this.#seconds())
      if (changes === 0) return null
      this.wrote(key, options.expiration)
      return version
    } catch (error) {
      throw toUnmoorError(error, this.#path)
    }
  }

  async deleteIf(key: string, version: string): Promise<boolean> {
    try {
      return this.#remove.run(key, version, this.#seconds()).changes > 0
    } catch (error) {
      throw toUnmoorError(error, this.#path)
    }
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1000)
  }
}
