/** Compares the data of two places (targets, deployments or archives) and reports every difference. */
import { compareUtf8 } from '../../bindings/bytes.ts'
import { hashOf } from './live-blob.ts'
import {
  canonicalJson,
  SetHash,
  sha256,
  type BlobRecord,
  type KvRecord,
  type Placed,
  type Row,
  type Source,
  type Table,
} from './records.ts'
import { EXPIRES_SOON } from './transfer.ts'

/** One difference between the data of two places. */
export interface Difference {
  binding: string
  /** Table of the differing database row, if the binding is a sql binding. */
  table?: string
  /** Key of the record that differs; for a row, its primary key as JSON. */
  key: string
  /**
   * How the two places differ in this record: `missing` (only the first place has it), `extra` (only the
   * second has it), or the name of the part of the record that differs.
   */
  what: string
}

export interface VerifyReport {
  equal: boolean
  bindings: Record<string, { records: number; hash: [string, string]; differences: number }>
  /** The first differences that {@link verify} found between two places, up to a limit. */
  differences: Difference[]
}

/** Maximum number of differences between two places that are reported individually. */
const TOLD = 100

/** Options of {@link verify}, which compares the data of two places. */
export interface VerifyOptions {
  bindings?: readonly string[] | undefined
  /** Seconds that {@link verify} waits for stale reads to settle if it finds differences. Default: 0. */
  wait?: number | undefined
  onProgress?: ((records: number) => void) | undefined
}

/** Compares the data of two places record by record, in key order and constant memory. */
export async function verify(a: Source, b: Source, options: VerifyOptions = {}): Promise<VerifyReport> {
  const until = performance.now() + (options.wait ?? 0) * 1000
  for (;;) {
    const report = await compareAll(a, b, options)
    if (report.equal || performance.now() >= until) return report
    await new Promise((resolve) =>
      setTimeout(resolve, Math.min(5000, Math.max(0, until - performance.now()))),
    )
  }
}

async function compareAll(a: Source, b: Source, options: VerifyOptions): Promise<VerifyReport> {
  const report: VerifyReport = { equal: true, bindings: {}, differences: [] }
  for (const binding of options.bindings ?? Object.keys(a.bindings)) {
    const own: VerifyReport['bindings'][string] = { records: 0, hash: ['', ''], differences: 0 }
    report.bindings[binding] = own
    const tally: Tally = {
      hashes: [new SetHash(), new SetHash()],
      add(key, what, table) {
        report.equal = false
        own.differences++
        if (report.differences.length < TOLD)
          report.differences.push({ binding, key, what, ...(table === undefined ? {} : { table }) })
      },
      tick() {
        own.records++
        if (own.records % 1000 === 0) options.onProgress?.(own.records)
      },
    }
    const kind = a.bindings[binding]
    if (kind === undefined || b.bindings[binding] !== kind) {
      tally.add(
        '',
        kind === undefined
          ? `there is no such binding in ${a.label}`
          : `there is no such ${kind} in ${b.label}`,
      )
      continue
    }
    if (kind === 'kv') await compare(a.kv(binding).read(), b.kv(binding).read(), KV, tally)
    else if (kind === 'blob') await compare(a.blob(binding).read(), b.blob(binding).read(), BLOBS, tally)
    else await compareTables(a, b, binding, tally)
    own.hash = [tally.hashes[0].hex, tally.hashes[1].hex]
  }
  return report
}

/** Counts, hashes and reports of the comparison of one binding in two places. */
interface Tally {
  /** Hashes of the records of the two compared places. */
  readonly hashes: readonly [SetHash, SetHash]
  /** Reports one difference between the two places. */
  readonly add: (key: string, what: string, table?: string) => void
  /** Counts a record that the comparison has read. */
  readonly tick: () => void
}

/** How `verify` compares the records of one kind of binding. */
interface Comparison<T> {
  readonly keyOf: (record: T) => string
  /** Compares two keys of records in the order in which `verify` reads both places. */
  readonly order: (x: string, y: string) => number
  readonly facts: (record: T) => Promise<Facts>
  /** Returns true if `verify` compares a record. Default: all records. */
  readonly counts?: (record: T) => boolean
  /** Name of the compared records' table, which is part of their hash. */
  readonly table?: string
}

async function compareTables(a: Source, b: Source, binding: string, tally: Tally): Promise<void> {
  const [left, right] = [await a.sql(binding).schema(), await b.sql(binding).schema()]
  for (const table of left.tables) {
    const other = right.tables.find(({ name }) => name === table.name)
    if (other === undefined) {
      tally.add('', 'the table is missing', table.name)
      continue
    }
    // Columns of both databases are selected by the names in the first database, in its order.
    const columns = table.columns.map(({ name }) => other.columns.find((column) => column.name === name))
    if (columns.includes(undefined)) {
      tally.add('', `the column ${table.columns[columns.indexOf(undefined)]?.name} is missing`, table.name)
      continue
    }
    const same: Table = { ...other, columns: columns as Table['columns'] }
    const keys = table.key.map((name) => table.columns.findIndex((column) => column.name === name))
    const comparison: Comparison<Row> = {
      keyOf: (row) => JSON.stringify(keys.map((index) => row[index])),
      order: (x, y) => compareKeys(JSON.parse(x) as Row, JSON.parse(y) as Row),
      facts: async (row) =>
        Object.fromEntries(table.columns.map(({ name }, index) => [name, canonicalJson(row[index] ?? null)])),
      table: table.name,
    }
    await compare(a.sql(binding).read(table), b.sql(binding).read(same), comparison, tally)
  }
  for (const { name } of right.tables)
    if (!left.tables.some((table) => table.name === name)) tally.add('', 'the table is extra', name)
}

/** Compares primary keys as SQLite and Postgres order them: numbers by size, text and bytes bytewise. */
function compareKeys(a: Row, b: Row): number {
  for (const [index, x] of a.entries()) {
    const y = b[index] ?? null
    const difference = compareCells(x, y)
    if (difference !== 0) return difference
  }
  return 0
}

function compareCells(x: Row[number], y: Row[number]): number {
  if (typeof x === 'object' && x !== null && typeof y === 'object' && y !== null) {
    if ('i' in x && 'i' in y)
      return Number(BigInt(x.i) - BigInt(y.i) > 0n) - Number(BigInt(x.i) - BigInt(y.i) < 0n)
    if ('f' in x && 'f' in y) return Number(x.f) - Number(y.f)
    if ('b' in x && 'b' in y) return Buffer.compare(Buffer.from(x.b, 'base64'), Buffer.from(y.b, 'base64'))
  }
  if (typeof x === 'string' && typeof y === 'string') return compareUtf8(x, y)
  const [p, q] = [canonicalJson(x), canonicalJson(y)]
  return p < q ? -1 : p > q ? 1 : 0
}

/** Parts of a record that `verify` compares, by name. Each is a text, and equal parts have equal texts. */
type Facts = Record<string, string>

async function kvFacts({ value, metadata, expiration }: KvRecord): Promise<Facts> {
  return {
    value: sha256(value),
    metadata: metadata === undefined ? '' : canonicalJson(JSON.parse(metadata)),
    expiration: String(expiration ?? ''),
  }
}

async function blobFacts(record: BlobRecord): Promise<Facts> {
  const { contentType = '', ...rest } = record.httpMetadata
  return {
    bytes: await hashOf(await record.open()),
    size: String(record.size),
    'content type': contentType,
    'http metadata': canonicalJson(rest),
    'custom metadata': canonicalJson(record.customMetadata),
  }
}

function isExpiring({ expiration }: KvRecord): boolean {
  return expiration !== undefined && expiration <= Date.now() / 1000 + EXPIRES_SOON
}

const KV: Comparison<KvRecord> = {
  keyOf: ({ key }) => key,
  order: compareUtf8,
  facts: kvFacts,
  counts: (record) => !isExpiring(record),
}
const BLOBS: Comparison<BlobRecord> = { keyOf: ({ key }) => key, order: compareUtf8, facts: blobFacts }

async function compare<T>(
  a: AsyncIterable<Placed<T>>,
  b: AsyncIterable<Placed<T>>,
  { keyOf, order, facts, counts = () => true, table }: Comparison<T>,
  { hashes, add, tick }: Tally,
): Promise<void> {
  const [left, right] = [a[Symbol.asyncIterator](), b[Symbol.asyncIterator]()]
  const next = async (from: AsyncIterator<Placed<T>>): Promise<T | undefined> => {
    for (;;) {
      const { value, done } = await from.next()
      if (done === true) return undefined
      if (counts(value.record)) return value.record
    }
  }
  const note = async (record: T, side: 0 | 1): Promise<Facts> => {
    const known = await facts(record)
    hashes[side].add(`${table ?? ''}\n${keyOf(record)}\n${canonicalJson(known)}`)
    return known
  }
  try {
    let [x, y] = [await next(left), await next(right)]
    while (x !== undefined || y !== undefined) {
      const difference = x === undefined ? 1 : y === undefined ? -1 : order(keyOf(x), keyOf(y))
      tick()
      if (difference < 0) {
        await note(x as T, 0)
        add(keyOf(x as T), 'missing', table)
        x = await next(left)
      } else if (difference > 0) {
        await note(y as T, 1)
        add(keyOf(y as T), 'extra', table)
        y = await next(right)
      } else {
        const [own, other] = [await note(x as T, 0), await note(y as T, 1)]
        const parts = Object.keys(own).filter((name) => own[name] !== other[name])
        if (parts.length > 0) add(keyOf(x as T), parts.join(', '), table)
        ;[x, y] = [await next(left), await next(right)]
      }
    }
  } finally {
    await left.return?.()
    await right.return?.()
  }
}
