import { compareUtf8 } from '../../../core/bindings/bytes.ts'
import { invalidArgument } from '../../../core/errors.ts'
import type { DynamodbApi } from './api.ts'
import { type Item, text } from './item.ts'

interface Scope {
  pk: string
  prefix: string
  now: number
  consistent: boolean
}

/** The keys of one DynamoDB partition, queried page by page as they are needed. */
class Partition {
  #api: DynamodbApi
  #query: Scope
  #items: Item[] = []
  #after: string | undefined
  #ended = false
  #size: number

  constructor(api: DynamodbApi, query: Scope, after: string | undefined, size: number) {
    this.#api = api
    this.#query = query
    this.#after = after
    this.#size = size
  }

  /** Queries DynamoDB until a key is buffered or the partition ends. */
  async fill(): Promise<void> {
    while (this.#items.length === 0 && !this.#ended) {
      const { items, last } = await this.#api.query({ ...this.#query, after: this.#after, limit: this.#size })
      this.#items = items.toReversed()
      this.#after = last
      this.#ended = last === undefined
    }
  }

  get head(): string | undefined {
    const item = this.#items.at(-1)
    return item === undefined ? undefined : text(item, 'sk')
  }

  take(): Item {
    return this.#items.pop() as Item
  }
}

/**
 * Returns one page of a list over a store in DynamoDB: the partitions' keys merged by their bytes. `more` is
 * true if a further key follows.
 */
export async function mergePartitions(
  api: DynamodbApi,
  pks: readonly string[],
  options: { prefix: string; after: string | undefined; limit: number; now: number; consistent: boolean },
): Promise<{ items: Item[]; more: boolean }> {
  const { prefix, after, limit, now, consistent } = options
  // Keys spread evenly over the DynamoDB partitions, so each query asks for its share of the page and a few
  // keys more, which usually saves a second query.
  const size = Math.min(1000, Math.ceil((limit + 1) / pks.length) + 8)
  const partitions = pks.map((pk) => new Partition(api, { pk, prefix, now, consistent }, after, size))
  await Promise.all(partitions.map((partition) => partition.fill()))
  const items: Item[] = []
  for (;;) {
    let least: Partition | undefined
    for (const partition of partitions) {
      if (
        partition.head !== undefined &&
        (least?.head === undefined || compareUtf8(partition.head, least.head) < 0)
      )
        least = partition
    }
    if (least === undefined) return { items, more: false }
    if (items.length === limit) return { items, more: true }
    items.push(least.take())
    await least.fill()
  }
}

/** Encodes the cursor of a list in DynamoDB: the last key of a page, with the prefix of the list. */
export function writeCursor(prefix: string, last: string): string {
  return Buffer.from(JSON.stringify([prefix, last])).toString('base64url')
}

export function readCursor(prefix: string, cursor: string): string {
  let parts: unknown
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    parts = undefined
  }
  const [scope, last] = Array.isArray(parts) ? (parts as unknown[]) : []
  // Decoding base64url skips unknown characters, so a list's cursor is only valid if encoding it again
  // returns the same text.
  if (
    scope !== prefix ||
    typeof last !== 'string' ||
    !last.startsWith(prefix) ||
    writeCursor(prefix, last) !== cursor
  )
    throw invalidArgument({}, 'The cursor is not one that a list with this prefix gave.')
  return last
}
