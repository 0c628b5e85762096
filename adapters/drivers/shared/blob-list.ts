import { prefixEnd } from '../../../core/bindings/bytes.ts'
import type { BlobDriver, BlobRecord } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'

/** Where a scan begins: at this key, or after it. */
export interface ScanStart {
  from: string
  inclusive: boolean
}

type ListOptions = Parameters<BlobDriver['list']>[0]
type Page = Awaited<ReturnType<BlobDriver['list']>>

/**
 * One page of a blob list, over a backend that can scan its records in UTF-8 byte order. A group of keys
 * under a common prefix is passed by one jump, so a page costs what it shows, not what the groups hold.
 */
export async function listPage(
  options: ListOptions,
  scan: (start: ScanStart, count: number) => readonly BlobRecord[] | Promise<readonly BlobRecord[]>,
): Promise<Page> {
  const { prefix, delimiter, limit } = options
  const page: Page = { blobs: [], prefixes: [] }
  let start = firstStart(options)
  let last = ''
  while (start !== undefined) {
    const wanted: number = limit + 1 - page.blobs.length - page.prefixes.length
    const records: readonly BlobRecord[] = await scan(start, wanted)
    start = records.length < wanted ? undefined : { from: records.at(-1)?.key ?? '', inclusive: false }
    for (const record of records) {
      if (!record.key.startsWith(prefix)) return page
      if (page.blobs.length + page.prefixes.length === limit)
        return { ...page, cursor: encodeCursor('b1', last) }
      const group = groupOf(record.key, prefix, delimiter)
      if (group === undefined) {
        page.blobs.push(record)
        last = `k${record.key}`
        continue
      }
      page.prefixes.push(group)
      last = `g${group}`
      start = afterGroup(group)
      break
    }
  }
  return page
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
