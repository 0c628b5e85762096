/**
 * Records that a data transfer moves between stores: kv entries, blobs and rows, each in an order that every
 * backend supports.
 */
import { createHash } from 'node:crypto'
import type { BlobHttpMetadata, SqlDialect } from '../../bindings/drivers.ts'
import type { StoreClaim } from './claim.ts'

/** An entry of a kv, as a data transfer moves it. */
export interface KvRecord {
  key: string
  value: Uint8Array<ArrayBuffer>
  /** Metadata of the kv entry, as JSON text. */
  metadata?: string | undefined
  /** Expiry of the kv entry, in seconds since 1970. */
  expiration?: number | undefined
}

/** A blob of a data transfer, without its bytes. */
export interface BlobHead {
  key: string
  size: number
  httpMetadata: BlobHttpMetadata
  customMetadata: Record<string, string>
  /** SHA-256 of the blob's bytes in hex, if it is known without reading them. */
  sha256?: string | undefined
}

/** A blob of a data transfer, with bytes that are read on demand. */
export interface BlobRecord extends BlobHead {
  open(): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer>>
}

/**
 * A cell of a SQL row, as a data transfer moves it. Integers, real numbers and bytes are tagged with their
 * type, so that no engine changes them.
 */
export type Cell = null | string | boolean | { i: string } | { f: string } | { b: string }
/** A SQL row as a data transfer moves it: its cells in the order of the table's columns. */
export type Row = readonly Cell[]

/** Type of a SQL column, common to SQLite and Postgres. */
export type ColumnType = 'integer' | 'real' | 'text' | 'bytes' | 'boolean' | 'other'

export interface Column {
  name: string
  type: ColumnType
  /** Type of a SQL column as its database declares it. */
  declared: string
}

export interface Table {
  name: string
  columns: readonly Column[]
  /** Names of the columns of the table's primary key, in key order. */
  key: readonly string[]
  /** Names of tables that the table's foreign keys reference. */
  references: readonly string[]
}

/** The schema of a database, as a data transfer compares it. */
export interface Schema {
  dialect: SqlDialect
  /** Tables of the database, each after the tables that it references. */
  tables: readonly Table[]
}

/** Position after a record of a data transfer, from which the same reader can continue; opaque JSON. */
export type Position = unknown

/** A record of a data transfer with the position after it. */
export interface Placed<T> {
  record: T
  position: Position
}

/** Reads one kv binding for a data transfer. Records come in the byte order of their keys. */
export interface KvReader {
  read(from?: Position): AsyncIterable<Placed<KvRecord>>
  /** Counts the entries of a kv. @throws if an entry exceeds the contract's limits, naming its key. */
  count(): Promise<{ count: number; bytes?: number }>
}
export interface BlobReader {
  read(from?: Position): AsyncIterable<Placed<BlobRecord>>
  count(): Promise<{ count: number; bytes?: number }>
}
export interface SqlReader {
  schema(): Promise<Schema>
  read(table: Table, from?: Position): AsyncIterable<Placed<Row>>
  count(table: Table): Promise<number>
}

/**
 * Writes one kv binding for a data transfer. Records whose `write` has resolved are durable after `flush`.
 * Writing a record twice has the same effect as once.
 */
export interface KvWriter {
  isEmpty(): Promise<boolean>
  write(records: readonly KvRecord[]): Promise<void>
  flush(): Promise<void>
}
export interface BlobWriter {
  isEmpty(): Promise<boolean>
  /** Writes a blob and returns the SHA-256 of the bytes that arrived. */
  write(record: BlobRecord): Promise<string>
  flush(): Promise<void>
}
export interface SqlWriter {
  /** Checks that the target database can hold rows of this schema, and returns its own schema. */
  prepare(schema: Schema): Promise<Schema>
  isEmpty(table: Table): Promise<boolean>
  write(table: Table, rows: readonly Row[]): Promise<void>
  flush(): Promise<void>
}

/** Kinds of bindings whose data `unmoor data` can move. */
export type DataKind = 'kv' | 'blob' | 'sql'

/** The place that a data transfer reads: its bindings, and a reader for each of them. */
export interface Source {
  /** Name of the transfer's source, for messages. */
  readonly label: string
  readonly bindings: Readonly<Record<string, DataKind>>
  kv(binding: string): KvReader
  blob(binding: string): BlobReader
  sql(binding: string): SqlReader
  close(): Promise<void>
}

/** The place that a data transfer writes: its bindings, and a writer for each of them. */
export interface Sink {
  readonly label: string
  readonly bindings: Readonly<Record<string, DataKind>>
  kvWriter(binding: string): KvWriter
  blobWriter(binding: string): BlobWriter
  sqlWriter(binding: string): SqlWriter
  /**
   * Returns the claim on a binding's store, which records which transfer writes into it. Default: the store
   * keeps no claims.
   */
  claim?(binding: string): StoreClaim
  close(): Promise<void>
}

/** Returns JSON text with sorted keys, so that equal values have equal texts. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, item]) => `${JSON.stringify(name)}:${canonicalJson(item)}`)
    .join(',')}}`
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

/**
 * Hash of a set of records, to compare two stores in any order: the sum of the records' hashes modulo 2^256.
 */
export class SetHash {
  /** Sum of the records' hashes as eight words of 32 bits, the lowest first. */
  #parts = new Uint32Array(8)
  count = 0

  add(text: string): void {
    this.count++
    const digest = createHash('sha256').update(text).digest()
    let carry = 0
    for (let part = 0; part < 8; part++) {
      const sum = (this.#parts[part] as number) + digest.readUInt32BE(28 - part * 4) + carry
      this.#parts[part] = sum
      carry = sum > 0xffff_ffff ? 1 : 0
    }
  }

  get hex(): string {
    return [...this.#parts]
      .toReversed()
      .map((part) => part.toString(16).padStart(8, '0'))
      .join('')
  }
}
