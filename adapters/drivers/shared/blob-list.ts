import { prefixEnd } from '../../../core/bindings/bytes.ts'
import type { BlobDriver, BlobRecord } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'

/** Start of a scan over blob keys: at the key `from` if `inclusive`, otherwise after it. */
export interface ScanStart {
  from: string
  inclusive: boolean
}

type ListOptions = Parameters<BlobDriver['list']>[0]
type Page = Awaited<ReturnType<BlobDriver['list']>>

/**
 * An entry of a page of a blob list: a blob, or a group of keys that have the same start up to a delimiter.
 */
export type Entry = { record: BlobRecord } | { group: string }

/**
 * Query of {@link Scanner.entries} for entries of a blob list; all texts are compared by their UTF-8 bytes.
 */
export interface EntriesQuery {
  start: ScanStart
  prefix: string
  delimiter: string
  /** The first text that sorts after all texts beginning with the blob list's delimiter. */
  delimiterEnd: string
  count: number
}

/** A blob backend that can scan its records in UTF-8 byte order. */
export interface Scanner {
  scan(start: ScanStart, count: number): readonly BlobRecord[] | Promise<readonly BlobRecord[]>
  /**
   * Returns the next entries of a blob list in one call, for a backend to which each scan is a round trip.
   * Default: a scan for each group.
   */
  entries?(query: EntriesQuery): Promise<readonly Entry[]>
}

/**
 * Returns one page of a blob list. The scan jumps over each group of keys, so that the cost of a page does
 * not depend on the number of keys in its groups.
 */
export async function listPage(options: ListOptions, scanner: Scanner): Promise<Page> {
  const { limit } = options
  const page: Page = { blobs: [], prefixes: [] }
  let last = ''
  for await (const entry of entriesOf(options, scanner)) {
    if (page.blobs.length + page.prefixes.length === limit)
      return { ...page, cursor: encodeCursor('b1', last) }
    if ('record' in entry) {
      page.blobs.push(entry.record)
      last = `k${entry.record.key}`
    } else {
      page.prefixes.push(entry.group)
      last = `g${entry.group}`
    }
  }
  return page
}

/** Yields the entries of one page of a blob list, and the first entry of the next page. */
async function* entriesOf(options: ListOptions, scanner: Scanner): AsyncGenerator<Entry> {
  const { prefix, delimiter, limit } = options
  let start = firstStart(options)
  const delimiterEnd = delimiter === undefined ? undefined : prefixEnd(delimiter)
  if (
    start !== undefined &&
    scanner.entries !== undefined &&
    delimiter !== undefined &&
    delimiterEnd !== undefined
  )
    return yield* await scanner.entries({ start, prefix, delimiter, delimiterEnd, count: limit + 1 })
  let shown = 0
  // After a group in a blob list the next key usually starts a group too, so reading further records would be
  // wasted.
  let batch = delimiter === undefined ? limit + 1 : 1
  while (start !== undefined && shown <= limit) {
    const wanted = Math.min(batch, limit + 1 - shown)
    batch *= 2
    const records: readonly BlobRecord[] = await scanner.scan(start, wanted)
    start = records.length < wanted ? undefined : { from: records.at(-1)?.key ?? '', inclusive: false }
    for (const record of records) {
      if (!record.key.startsWith(prefix)) return
      const group = groupOf(record.key, prefix, delimiter)
      shown++
      yield group === undefined ? { record } : { group }
      if (group === undefined) continue
      start = afterGroup(group)
      batch = 1
      break
    }
  }
}

function groupOf(key: string, prefix: string, delimiter: string | undefined): string | undefined {
  if (delimiter === undefined) return undefined
  const at = key.indexOf(delimiter, prefix.length)
  return at < 0 ? undefined : key.slice(0, at + delimiter.length)
}

function afterGroup(group: string): ScanStart | undefined {
  const end = prefixEnd(group)
  return end === undefined ? undefined : { from: end, inclusive: true }
}

function firstStart({ prefix, startAfter, cursor }: ListOptions): ScanStart | undefined {
  let start: ScanStart | undefined = { from: prefix, inclusive: true }
  if (cursor !== undefined) {
    const position = decodeCursor('b1', cursor)
    const key = position.slice(1)
    if (!key.startsWith(prefix))
      throw new UnmoorError('InvalidArgument', 'The cursor belongs to a list with another prefix.', {
        operation: 'list',
      })
    start = position.startsWith('g') ? afterGroup(key) : { from: key, inclusive: false }
  } else if (startAfter !== undefined && Buffer.compare(Buffer.from(startAfter), Buffer.from(prefix)) >= 0) {
    start = { from: startAfter, inclusive: false }
  }
  return start
}
