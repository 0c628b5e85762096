/** What moves between stores: entries, blobs and rows, each in an order that every backend can keep. */
import { createHash } from 'node:crypto'
import type { BlobHttpMetadata, SqlDialect } from '../../bindings/drivers.ts'
import type { StoreClaim } from './claim.ts'

/** An entry of a kv. */
export interface KvRecord {
  key: string
  value: Uint8Array<ArrayBuffer>
  /** JSON text. */
  metadata?: string | undefined
  /** Seconds since 1970. */
  expiration?: number | undefined
}

/** A blob without its bytes. */
export interface BlobHead {
  key: string
  size: number
  httpMetadata: BlobHttpMetadata
  customMetadata: Record<string, string>
  /** Hex, where it is known without reading. */
  sha256?: string | undefined
}

/** A blob whose bytes are read when they are asked for. */
export interface BlobRecord extends BlobHead {
  open(): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer>>
}

/**
 * A cell of a typed dump: whole numbers, real numbers and bytes say what they are, so that no engine changes
 * them.
 */
export type Cell = null | string | boolean | { i: string } | { f: string } | { b: string }
/** A row: its cells in the order of the table's columns. */
export type Row = readonly Cell[]

/** What a column holds, over both engines. */
export type ColumnType = 'integer' | 'real' | 'text' | 'bytes' | 'boolean' | 'other'

export interface Column {
  name: string
  type: ColumnType
  /** As the engine declares it. */
  declared: string
}

export interface Table {
  name: string
  columns: readonly Column[]
  /** Names of the columns of its primary key, in its order. */
  key: readonly string[]
  /** Tables that its foreign keys name. */
  references: readonly string[]
}

/** The schema of a database. */
export interface Schema {
  dialect: SqlDialect
  /** A table comes after those that it references. */
  tables: readonly Table[]
}

/** Where a reader can go on after a record; opaque JSON of that reader. */
export type Position = unknown

/** A record with the place after it. */
export interface Placed<T> {
  record: T
  position: Position
}

/** Reads one binding. Records come in the byte order of their keys. */
export interface KvReader {
  read(from?: Position): AsyncIterable<Placed<KvRecord>>
  /** How many there are, and what is too large for the contract (by key). */
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
 * Writes one binding. What `write` resolved is durable after `flush`. Writing a record twice is as good as
 * once.
 */
export interface KvWriter {
  isEmpty(): Promise<boolean>
  write(records: readonly KvRecord[]): Promise<void>
  flush(): Promise<void>
}
export interface BlobWriter {
  isEmpty(): Promise<boolean>
  /** Returns the SHA-256 of the bytes that arrived. */
  write(record: BlobRecord): Promise<string>
  flush(): Promise<void>
}
export interface SqlWriter {
  /** Checks that the target can take such rows, and returns the tables as the target has them. */
  prepare(schema: Schema): Promise<Schema>
  isEmpty(table: Table): Promise<boolean>
  write(table: Table, rows: readonly Row[]): Promise<void>
  flush(): Promise<void>
}

/** What kinds of bindings hold data that can be moved. */
export type DataKind = 'kv' | 'blob' | 'sql'

/** A place that data can come from. */
export interface Source {
  /** For people. */
  readonly label: string
  readonly bindings: Readonly<Record<string, DataKind>>
  kv(binding: string): KvReader
  blob(binding: string): BlobReader
  sql(binding: string): SqlReader
  close(): Promise<void>
}

/** A place that data can go to. */
export interface Sink {
  readonly label: string
  readonly bindings: Readonly<Record<string, DataKind>>
  kvWriter(binding: string): KvWriter
  blobWriter(binding: string): BlobWriter
  sqlWriter(binding: string): SqlWriter
  /** The claim on a binding's store, which tells who writes into it. Default: the store keeps none. */
  claim?(binding: string): StoreClaim
  close(): Promise<void>
}

/** JSON text with sorted keys, so that the same value has the same text. */
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

/** A hash of many records that does not depend on their order: the sum of their hashes, modulo 2^256. */
export class SetHash {
  /** Eight parts of 32 bits, the lowest first. */
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
