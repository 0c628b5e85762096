/**
 * Analytics Engine: stores data points as rows of a SQL table, with the columns that Cloudflare's SQL API
 * has.
 */
import type { Sql } from '../../bindings/sql.ts'
import { toText as coerceText, wrongType } from './coerce.ts'
import { latestContext } from './context.ts'

/**
 * Limits of an Analytics Engine data point:
 * https://developers.cloudflare.com/analytics/analytics-engine/limits/
 */
const MAX = { blobs: 20, doubles: 20, indexes: 1, indexBytes: 96, blobBytes: 16 * 1024 }
/**
 * Analytics Engine data points per INSERT (ROWS), and those that may wait for the database (WAITING); further
 * points are dropped.
 */
const ROWS = 64
const WAITING = 10_000

type Row = Readonly<Record<string, string | number | null>>

interface DataPoint {
  indexes?: unknown
  doubles?: unknown
  blobs?: unknown
}

/** Analytics Engine data points that are written together, after the batch before them. */
interface Batch {
  rows: Row[]
  done: Promise<void>
  /** Event contexts whose `waitUntil` waits for this batch of data points. */
  contexts: Set<unknown>
}

/**
 * A dataset of Analytics Engine. As on Cloudflare, callers do not wait for writes; a failed write is logged.
 * Data points over a limit are dropped, with one log line per reason.
 */
export class AnalyticsEngine {
  #sql: () => Pick<Sql, 'dialect' | 'run'>
  #dataset: string
  #now: () => number
  #next: Batch | undefined
  #written: Promise<void> = Promise.resolve()
  #isMade = false
  #told = new Set<string>()

  constructor(sql: () => Pick<Sql, 'dialect' | 'run'>, dataset: string, now: () => number = Date.now) {
    this.#sql = sql
    this.#dataset = dataset
    this.#now = now
  }

  get [Symbol.toStringTag](): string {
    return 'AnalyticsEngine'
  }

  /**
   * Queues an Analytics Engine data point for writing. @throws `TypeError` for a value of the wrong type, as
   * on Workers; never for a point over a limit.
   */
  writeDataPoint(point?: DataPoint | null): void {
    // Looking up the database here makes writeDataPoint() throw outside of an event, where no bindings exist.
    this.#sql()
    if (point !== undefined && point !== null && typeof point !== 'object' && typeof point !== 'function')
      throw new TypeError(
        "Failed to execute 'writeDataPoint' on 'AnalyticsEngine': parameter 1 is not of type " +
          "'AnalyticsEngineEvent'.",
      )
    const indexes = list(point?.indexes, 'indexes').map(toText)
    const doubles = list(point?.doubles, 'doubles').map(toDouble)
    const blobs = list(point?.blobs, 'blobs').map(toText)
    const over = overLimit(indexes, doubles, blobs)
    if (over !== undefined) return this.#drop(over)
    this.#add(toRow(this.#dataset, this.#now(), { indexes, doubles, blobs }))
  }

  #drop(why: string): void {
    if (this.#told.has(why)) return
    this.#told.add(why)
    console.error(`Analytics Engine dataset "${this.#dataset}": a data point was dropped: ${why}`)
  }

  #add(row: Row): void {
    const batch = (this.#next ??= this.#begin())
    if (batch.rows.length >= WAITING) return this.#drop(`more than ${WAITING} wait for the database.`)
    batch.rows.push(row)
    const context = latestContext()
    if (context === undefined || batch.contexts.has(context)) return
    batch.contexts.add(context)
    context.waitUntil(batch.done)
  }

  #begin(): Batch {
    const write = async (): Promise<void> => {
      const { rows } = batch
      this.#next = undefined
      try {
        for (let at = 0; at < rows.length; at += ROWS) await this.#insert(rows.slice(at, at + ROWS))
      } catch (error) {
        console.error(
          `Analytics Engine dataset "${this.#dataset}": ${rows.length} data points were not written:`,
          error,
        )
      }
    }
    const done = this.#written.then(write)
    this.#written = done
    const batch: Batch = { rows: [], done, contexts: new Set() }
    return batch
  }

  async #insert(rows: readonly Row[]): Promise<void> {
    const sql = this.#sql()
    const insert = (): Promise<unknown> =>
      sql.run(insertText(this.#dataset, sql.dialect), [JSON.stringify(rows)])
    if (this.#isMade) return void (await insert())
    try {
      await insert()
    } catch {
      // The first insert of data points usually fails because their table does not exist yet. If another
      // process creates it at the same time, creating it fails on Postgres.
      let failed: unknown
      for (const text of tableTexts(this.#dataset, sql.dialect))
        await sql.run(text).catch((error: unknown) => (failed ??= error))
      await insert().catch((error: unknown) => {
        throw failed ?? error
      })
    }
    this.#isMade = true
  }
}

/** Returns a field of an Analytics Engine data point as a list; empty if the field is missing. */
function list(value: unknown, field: string): unknown[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw wrongType(field, 'AnalyticsEngineEvent', 'Array')
  return value
}

/**
 * Converts a blob or index of a data point to text. Bytes are decoded as UTF-8. NUL, which Postgres's text
 * cannot hold, becomes U+FFFD.
 */
function toText(value: unknown): string {
  if (value === null || value === undefined) return ''
  const text =
    value instanceof ArrayBuffer || ArrayBuffer.isView(value)
      ? new TextDecoder().decode(value)
      : coerceText(value)
  return text.toWellFormed().replaceAll('\0', '\u{fffd}')
}

function toDouble(value: unknown): number {
  if (typeof value === 'bigint') throw new TypeError('Cannot convert a BigInt value to a number')
  return Number(value)
}

function overLimit(
  indexes: readonly string[],
  doubles: readonly number[],
  blobs: readonly string[],
): string | undefined {
  if (indexes.length > MAX.indexes) return `Maximum of ${MAX.indexes} indexes supported.`
  if (doubles.length > MAX.doubles) return `Maximum of ${MAX.doubles} doubles supported.`
  if (blobs.length > MAX.blobs) return `Maximum of ${MAX.blobs} blobs supported.`
  if (bytes(indexes) > MAX.indexBytes) return `Size of indexes[0] exceeds ${MAX.indexBytes} bytes.`
  if (bytes(blobs) > MAX.blobBytes) return `Cumulative size of blobs exceeds ${MAX.blobBytes} bytes.`
  return undefined
}

function bytes(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + new TextEncoder().encode(text).byteLength, 0)
}

function toRow(
  dataset: string,
  now: number,
  { indexes, doubles, blobs }: { indexes: string[]; doubles: number[]; blobs: string[] },
): Row {
  const row: Record<string, string | number | null> = {
    // The data point's UTC time in the format of Cloudflare's SQL API and of SQLite's own functions.
    timestamp: new Date(now).toISOString().replace('T', ' ').slice(0, 19),
    dataset,
    _sample_interval: 1,
    index1: indexes[0] ?? '',
  }
  for (let at = 0; at < MAX.blobs; at++) row[`blob${at + 1}`] = blobs[at] ?? ''
  // NaN and infinity in a data point become NULL, since JSON has neither.
  for (let at = 0; at < MAX.doubles; at++) row[`double${at + 1}`] = doubles[at] ?? 0
  return row
}

type Dialect = Sql['dialect']

/** Returns names and types of the columns of an Analytics Engine dataset. */
function columns(dialect: Dialect): [name: string, type: string][] {
  const numbered = (name: string, count: number, type: string): [string, string][] =>
    Array.from({ length: count }, (_, at) => [`${name}${at + 1}`, type])
  return [
    ['timestamp', dialect === 'postgres' ? 'timestamptz NOT NULL' : 'TEXT NOT NULL'],
    ['dataset', 'TEXT NOT NULL'],
    ['_sample_interval', 'INTEGER NOT NULL'],
    ['index1', 'TEXT NOT NULL'],
    ...numbered('blob', MAX.blobs, 'TEXT NOT NULL'),
    ...numbered('double', MAX.doubles, dialect === 'postgres' ? 'double precision' : 'REAL'),
  ]
}

function tableTexts(dataset: string, dialect: Dialect): string[] {
  const types = columns(dialect).map(([name, type]) => `"${name}" ${type}`)
  return [
    `CREATE TABLE IF NOT EXISTS "${dataset}" (${types.join(', ')})`,
    `CREATE INDEX IF NOT EXISTS "${dataset}_timestamp" ON "${dataset}" ("timestamp")`,
  ]
}

/**
 * Returns the INSERT for a batch of Analytics Engine rows. It takes one parameter, a JSON list of rows,
 * because a statement allows few parameters and a row has many columns.
 */
function insertText(dataset: string, dialect: Dialect): string {
  const names = columns(dialect).map(([name]) => name)
  const into = `INSERT INTO "${dataset}" (${names.map((name) => `"${name}"`).join(', ')}) SELECT`
  if (dialect === 'sqlite')
    return `${into} ${names.map((name) => `value ->> '${name}'`).join(', ')} FROM json_each(?)`
  // The timestamp in the JSON of an Analytics Engine row has no zone and is in UTC, so it is read as text and
  // marked as such.
  const read = names.map((name) => {
    if (name === 'timestamp') return `CAST(item ->> 'timestamp' || 'Z' AS timestamptz)`
    const type = name.startsWith('double')
      ? 'double precision'
      : name === '_sample_interval'
        ? 'integer'
        : 'text'
    return `CAST(item ->> '${name}' AS ${type})`
  })
  return `${into} ${read.join(', ')} FROM json_array_elements(CAST(? AS json)) AS item`
}
