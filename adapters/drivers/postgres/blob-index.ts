import { prefixEnd, utf8Text } from '../../../core/bindings/bytes.ts'
import type { BlobRecord } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { EntriesQuery, Entry, ScanStart } from '../shared/blob-list.ts'
import type { BlobIndex, ByteStore } from '../shared/indexed-blobs.ts'
import type { Database } from './database.ts'

/**
 * SQL time until which a blob's body counts as in use. A body past that time belongs to a crashed put, or its
 * removal was cut short.
 */
const ALIVE = "now() + interval '2 minutes'"
/**
 * Milliseconds between two renewals of a blob put's body, and between two sweeps for what crashes left
 * behind.
 */
const SIGN_EVERY = 30_000
const SWEEP_EVERY = 10 * 60_000

const COLUMNS = 'key, size, etag, uploaded, http, custom, file'
type Row = [
  key: Uint8Array<ArrayBuffer>,
  size: number,
  etag: string,
  uploaded: number,
  http: string,
  custom: string,
  file: string,
]

/**
 * The blob index in two Postgres tables: `unmoor_blobs`, and `unmoor_blobs_loose` with the bodies that no key
 * names. Every process renews the bodies of its puts in the second table. A body that is no longer renewed is
 * claimed (`dead`) before its removal, so that a put that was only slow fails rather than name a body that is
 * gone.
 */
export class PostgresBlobIndex implements BlobIndex {
  #database: Database
  #loose: string
  #store: string
  #bytes: ByteStore
  #signs = new Map<string, NodeJS.Timeout>()
  #swept = -Infinity
  #sweeping: Promise<void> | undefined

  constructor(database: Database, store: string, bytes: ByteStore) {
    this.#database = database
    this.#loose = database.tableNamed('unmoor_blobs_loose')
    this.#store = store
    this.#bytes = bytes
  }

  async get(key: string): Promise<{ record: BlobRecord; file: string } | undefined> {
    const [row] = await this.#database.read<Row>(
      `SELECT ${COLUMNS} FROM ${this.#database.table} WHERE store = $1 AND key = $2`,
      [this.#store, key],
    )
    return row === undefined ? undefined : { record: toRecord(row), file: row[6] }
  }

  async scan({ from, inclusive }: ScanStart, count: number): Promise<BlobRecord[]> {
    const text =
      `SELECT ${COLUMNS} FROM ${this.#database.table} WHERE store = $1 AND key ` +
      `${inclusive ? '>=' : '>'} $2 ORDER BY key LIMIT $3`
    return (await this.#database.read<Row>(text, [this.#store, from, count])).map(toRecord)
  }

  /**
   * Lists entries of the Postgres blob index with a loose index scan: one statement, with one index lookup
   * for each entry.
   */
  async entries({ start, prefix, delimiter, delimiterEnd, count }: EntriesQuery): Promise<Entry[]> {
    const { table } = this.#database
    const end = prefixEnd(prefix)
    const step = (from: string): string =>
      `SELECT key, position($3::bytea IN substring(key FROM $4::int + 1)) AS at FROM ${table}
       WHERE store = $1 AND key ${from}${end === undefined ? '' : ' AND key < $7::bytea'} ORDER BY key LIMIT 1`
    // Position after the previous entry of a blob list: after its key, or after all keys of its group.
    const after = `CASE WHEN at = 0 THEN entry.key || '\\x00'::bytea
      ELSE substring(entry.key FOR $4::int + at - 1) || $5::bytea END`
    const rows = await this.#database.read<[group: Uint8Array<ArrayBuffer> | null, ...Row]>(
      `WITH RECURSIVE entry AS (
         SELECT key, at, 1 AS n FROM (${step(start.inclusive ? '>= $2' : '> $2')}) AS first
         UNION ALL
         SELECT next.key, next.at, n + 1 FROM entry CROSS JOIN LATERAL (${step(`>= ${after}`)}) AS next
         WHERE n < $6::int)
       SELECT CASE WHEN at > 0 THEN substring(entry.key FOR $4::int + at - 1 + length($3::bytea)) END,
         entry.key, size, etag, uploaded, http, custom, file
       FROM entry LEFT JOIN ${table} AS blob ON at = 0 AND blob.store = $1 AND blob.key = entry.key
       ORDER BY n`,
      [
        this.#store,
        start.from,
        delimiter,
        Buffer.byteLength(prefix),
        delimiterEnd,
        count,
        ...(end === undefined ? [] : [end]),
      ],
    )
    return rows.map(([group, ...row]) =>
      group === null ? { record: toRecord(row) } : { group: utf8Text(group) },
    )
  }

  async announce(file: string): Promise<void> {
    await this.#database.write(
      `INSERT INTO ${this.#loose} (file, store, alive_until) VALUES ($1, $2, ${ALIVE})`,
      [file, this.#store],
    )
    const sign = (): void =>
      void this.#database
        .write(`UPDATE ${this.#loose} SET alive_until = ${ALIVE} WHERE file = $1 AND NOT dead`, [file])
        .catch(() => {})
    this.#signs.set(file, setInterval(sign, SIGN_EVERY))
  }

  #silence(file: string): void {
    clearInterval(this.#signs.get(file))
    this.#signs.delete(file)
  }

  async replace(
    record: BlobRecord,
    file: string,
    check: (current: { etag: string } | undefined) => void,
  ): Promise<string | undefined> {
    const { key, size, etag, uploaded, httpMetadata, customMetadata } = record
    const { table } = this.#database
    try {
      return await this.#database.transaction(async (run) => {
        // A blob's row that does not exist yet cannot be locked, so a Postgres advisory lock makes concurrent
        // puts of one key wait for each other.
        await run("SELECT pg_advisory_xact_lock(hashtextextended($1 || '/' || encode($2, 'hex'), 0))", [
          this.#store,
          key,
        ])
        const [current] = await run<[etag: string, file: string]>(
          `SELECT etag, file FROM ${table} WHERE store = $1 AND key = $2 FOR UPDATE`,
          [this.#store, key],
        )
        check(current === undefined ? undefined : { etag: current[0] })
        await run(
          `INSERT INTO ${table} (store, key, size, etag, uploaded, http, custom, file)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (store, key) DO UPDATE SET size = excluded.size, etag = excluded.etag,
              uploaded = excluded.uploaded, http = excluded.http, custom = excluded.custom,
              file = excluded.file`,
          [
            this.#store,
            key,
            size,
            etag,
            uploaded,
            JSON.stringify(httpMetadata),
            JSON.stringify(customMetadata),
            file,
          ],
        )
        const { count } = await run(`DELETE FROM ${this.#loose} WHERE file = $1 AND NOT dead`, [file])
        if (count !== 1)
          throw new UnmoorError(
            'Unavailable',
            `The put of ${JSON.stringify(key)} took too long without a sign of life; nothing was stored.`,
          )
        if (current === undefined) return undefined
        await run(`INSERT INTO ${this.#loose} (file, store, alive_until) VALUES ($1, $2, ${ALIVE})`, [
          current[1],
          this.#store,
        ])
        return current[1]
      })
    } finally {
      this.#silence(file)
      this.#sweepSoon()
    }
  }

  async delete(keys: readonly string[]): Promise<string[]> {
    const text = `WITH gone AS (
        DELETE FROM ${this.#database.table} WHERE store = $1 AND key IN (
          SELECT decode(wanted.hex, 'hex') FROM json_array_elements_text($2) AS wanted (hex)
        ) RETURNING file
      )
      INSERT INTO ${this.#loose} (file, store, alive_until) SELECT file, $1, ${ALIVE} FROM gone
        RETURNING file`
    const rows = await this.#database.write<[file: string]>(text, [
      this.#store,
      JSON.stringify(keys.map((key) => Buffer.from(key).toString('hex'))),
    ])
    this.#sweepSoon()
    return rows.map(([file]) => file)
  }

  async forget(file: string): Promise<void> {
    this.#silence(file)
    await this.#database.write(`DELETE FROM ${this.#loose} WHERE file = $1`, [file])
  }

  /**
   * Starts a sweep for blob bodies that crashes left behind, at most every {@link SWEEP_EVERY}, beside a
   * write.
   */
  #sweepSoon(): void {
    if (performance.now() - this.#swept < SWEEP_EVERY) return
    this.#swept = performance.now()
    this.#sweeping = this.#sweep().catch(() => {})
  }

  async #sweep(): Promise<void> {
    const text =
      `UPDATE ${this.#loose} SET dead = true, alive_until = ${ALIVE} WHERE store = $1 AND ` +
      'alive_until < now() RETURNING file'
    for (const [file] of await this.#database.write<[file: string]>(text, [this.#store])) {
      await this.#bytes.remove(file)
      await this.forget(file)
    }
  }

  async close(): Promise<void> {
    for (const file of this.#signs.keys()) this.#silence(file)
    await this.#sweeping
    await this.#database.close()
  }
}

function toRecord([key, size, etag, uploaded, http, custom]: Row): BlobRecord {
  return {
    key: utf8Text(key),
    size,
    etag,
    uploaded,
    httpMetadata: JSON.parse(http) as BlobRecord['httpMetadata'],
    customMetadata: JSON.parse(custom) as BlobRecord['customMetadata'],
  }
}
