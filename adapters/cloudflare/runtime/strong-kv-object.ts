/** The parts of a Durable Object's state that strong kv uses. Source: @cloudflare/workers-types 5. */
export interface NativeObjectState {
  readonly storage: {
    readonly sql: {
      exec<Row extends Record<string, SqlValue>>(
        text: string,
        ...params: SqlParameter[]
      ): NativeSqlCursor<Row>
    }
    transactionSync<T>(work: () => T): T
  }
}

export interface NativeSqlCursor<Row> {
  toArray(): Row[]
  readonly rowsWritten: number
}

type SqlValue = string | number | null | ArrayBuffer
type SqlParameter = string | number | null | Uint8Array<ArrayBuffer>

/** An entry of strong kv as the Durable Object returns it to the Worker. */
export interface ObjectEntry {
  value: string | Uint8Array<ArrayBuffer>
  metadata: string | null
  expiration: number | null
  version: string
}

export type ObjectListEntry = Pick<ObjectEntry, 'metadata' | 'expiration'> & { key: string }

export interface ObjectWrite {
  key: string
  /** Value of the kv entry to write. Text of over {@link INLINE} bytes is sent as bytes. */
  value: string | Uint8Array<ArrayBuffer>
  metadata: string | null
  expiration: number | null
  /** Version that the current kv entry must have; null: there must be no entry; undefined: any version. */
  expected?: string | null
  /** Current time of the kv write, in seconds since 1970, by the Worker's clock. */
  now: number
}

/**
 * RPC methods of the strong kv Durable Object. Each method is one transaction, and its result is sent only
 * after its writes are durable.
 */
export interface StrongKvMethods {
  get(keys: readonly string[], now: number): Promise<(ObjectEntry | null)[]>
  /**
   * Writes a kv entry. Resolves to its new version, or null if the current version is not the expected one.
   */
  put(write: ObjectWrite): Promise<string | null>
  /**
   * Deletes a kv entry. Resolves to false if its version is not `expected`; undefined matches any entry, or
   * none.
   */
  delete(key: string, expected: string | undefined, now: number): Promise<boolean>
  /** Lists kv keys from `from` on (excluding it if `exclusive`) and before `end`, in UTF-8 byte order. */
  list(range: ObjectRange): Promise<ObjectListEntry[]>
}

export interface ObjectRange {
  from: string
  exclusive: boolean
  end: string | undefined
  limit: number
  /** Current time of the kv list, in seconds since 1970, by the Worker's clock. */
  now: number
}

type Base = abstract new (state: NativeObjectState, env: unknown) => object

/**
 * Largest kv value in bytes that is stored in its entry's row, as SQLite in Durable Objects limits a row to 2
 * MB. Larger values are split into parts.
 */
export const INLINE = 1_000_000

/**
 * Number of kv puts between two sweeps for expired entries (SWEEP_EVERY), and of entries that one sweep
 * removes (SWEEP_SIZE).
 */
const SWEEP_EVERY = 500
const SWEEP_SIZE = 1000

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS entries (
    key TEXT NOT NULL PRIMARY KEY, value, metadata TEXT, expiration INTEGER, version TEXT NOT NULL,
    parts INTEGER NOT NULL
  );
  CREATE INDEX IF NOT EXISTS entries_expiration ON entries (expiration) WHERE expiration IS NOT NULL;
  CREATE TABLE IF NOT EXISTS parts (
    key TEXT NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (key, part)
  ) WITHOUT ROWID;
`

const REPLACE = `INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
  value = excluded.value, metadata = excluded.metadata, expiration = excluded.expiration,
  version = excluded.version, parts = excluded.parts`

type Row = {
  key: string
  value: string | ArrayBuffer | null
  metadata: string | null
  expiration: number | null
  version: string
  parts: number
}

/**
 * Creates the Durable Object class behind `kv({ consistency: 'strong' })`, which stores a share of a
 * binding's keys in its own SQLite database. The generated entry exports it. `base` is workerd's class
 * `DurableObject`, passed in because only the entry can import `cloudflare:workers`.
 */
export function createStrongKvObject(
  base: Base,
): new (state: NativeObjectState, env: unknown) => StrongKvMethods {
  return class StrongKvObject extends base implements StrongKvMethods {
    #entries: Entries

    constructor(state: NativeObjectState, env: unknown) {
      super(state, env)
      this.#entries = new Entries(state.storage)
    }

    get(...args: Parameters<StrongKvMethods['get']>): ReturnType<StrongKvMethods['get']> {
      return this.#entries.get(...args)
    }

    put(write: ObjectWrite): Promise<string | null> {
      return this.#entries.put(write)
    }

    delete(...args: Parameters<StrongKvMethods['delete']>): Promise<boolean> {
      return this.#entries.delete(...args)
    }

    list(range: ObjectRange): Promise<ObjectListEntry[]> {
      return this.#entries.list(range)
    }
  }
}

/** Kv entries of one Durable Object, in its SQLite database. */
class Entries implements StrongKvMethods {
  #storage: NativeObjectState['storage']
  #puts = 0

  constructor(storage: NativeObjectState['storage']) {
    this.#storage = storage
    this.#run(SCHEMA)
  }

  async get(keys: readonly string[], now: number): Promise<(ObjectEntry | null)[]> {
    return keys.map((key) => {
      const row = this.#current(key, now)
      return row === undefined
        ? null
        : {
            value: this.#value(row),
            metadata: row.metadata,
            expiration: row.expiration,
            version: row.version,
          }
    })
  }

  async put(write: ObjectWrite): Promise<string | null> {
    const { key, value, metadata, expiration, expected, now } = write
    return this.#storage.transactionSync(() => {
      if (expected !== undefined && (this.#current(key, now)?.version ?? null) !== expected) return null
      const version = crypto.randomUUID()
      const isCut = typeof value !== 'string' && value.byteLength > INLINE
      const parts = isCut ? Math.ceil(value.byteLength / INLINE) : 0
      this.#run('DELETE FROM parts WHERE key = ?', key)
      this.#run(REPLACE, key, isCut ? null : value, metadata, expiration, version, parts)
      if (isCut) {
        for (let part = 0; part < parts; part++)
          this.#run(
            'INSERT INTO parts VALUES (?, ?, ?)',
            key,
            part,
            value.slice(part * INLINE, (part + 1) * INLINE),
          )
      }
      if (++this.#puts % SWEEP_EVERY === 0) this.#sweep(now)
      return version
    })
  }

  async delete(key: string, expected: string | undefined, now: number): Promise<boolean> {
    return this.#storage.transactionSync(() => {
      if (expected !== undefined && this.#current(key, now)?.version !== expected) return false
      this.#remove(key)
      return true
    })
  }

  async list({ from, exclusive, end, limit, now }: ObjectRange): Promise<ObjectListEntry[]> {
    const range = `key ${exclusive ? '>' : '>='} ? ${end === undefined ? '' : 'AND key < ?'}`
    const rows = this.#run<Pick<Row, 'key' | 'metadata' | 'expiration'>>(
      `SELECT key, metadata, expiration FROM entries WHERE ${range} AND (expiration IS NULL OR ` +
        'expiration > ?) ORDER BY key LIMIT ?',
      from,
      ...(end === undefined ? [] : [end]),
      now,
      limit,
    )
    return rows.toArray()
  }

  /** Returns the kv entry of a key if the entry has not expired; an expired entry is removed. */
  #current(key: string, now: number): Row | undefined {
    const [row] = this.#run<Row>('SELECT * FROM entries WHERE key = ?', key).toArray()
    if (row?.expiration == null || row.expiration > now) return row
    this.#remove(key)
    return undefined
  }

  #value({ key, value, parts }: Row): string | Uint8Array<ArrayBuffer> {
    if (parts === 0) return typeof value === 'string' ? value : new Uint8Array(value as ArrayBuffer)
    const rows = this.#run<{ bytes: ArrayBuffer }>(
      'SELECT bytes FROM parts WHERE key = ? ORDER BY part',
      key,
    ).toArray()
    const all = new Uint8Array(rows.reduce((size, { bytes }) => size + bytes.byteLength, 0))
    rows.forEach(({ bytes }, part) => all.set(new Uint8Array(bytes), part * INLINE))
    return all
  }

  #remove(key: string): void {
    this.#run('DELETE FROM entries WHERE key = ?', key)
    this.#run('DELETE FROM parts WHERE key = ?', key)
  }

  #sweep(now: number): void {
    for (const { key } of this.#run<Pick<Row, 'key'>>(
      'SELECT key FROM entries WHERE expiration <= ? LIMIT ?',
      now,
      SWEEP_SIZE,
    ).toArray())
      this.#remove(key)
  }

  #run<Found extends Record<string, SqlValue>>(
    text: string,
    ...params: SqlParameter[]
  ): NativeSqlCursor<Found> {
    return this.#storage.sql.exec<Found>(text, ...params)
  }
}
