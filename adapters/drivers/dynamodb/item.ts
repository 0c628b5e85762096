/**
 * An item of the DynamoDB table. Its keys: `pk` is `APP/BINDING#SHARD`, `sk` the key itself (DynamoDB orders
 * strings by their UTF-8 bytes, as lists must). The value is in `text` or `bytes`, or in neither if it is
 * empty. A value that is too large for an item is in the S3 object that `ref` names, with its SHA-256 in
 * `sha`. Strong bindings have a `version`. `meta` is the metadata's JSON, `expires` seconds since 1970: the
 * table's TTL attribute.
 */
import { utf8, utf8Text } from '../../../core/bindings/bytes.ts'
import type { KvEntry } from '../../../core/bindings/drivers.ts'

/** An attribute value of DynamoDB's JSON protocol. */
export type Attribute = { S: string } | { N: string } | { B: string }

export type Item = Record<string, Attribute>

export interface ItemKey extends Item {
  pk: { S: string }
  sk: { S: string }
}

/** A DynamoDB item's reference to the S3 object that holds a large value. */
export interface Reference {
  name: string
  sha256: string
}

/** Builds the DynamoDB item that stores a value under a key. */
export function toItem(
  key: ItemKey,
  value: string | Uint8Array<ArrayBuffer> | Reference,
  options: { metadata?: string | undefined; expiration?: number | undefined },
): Item {
  const item: Item = { ...key }
  if (typeof value === 'string') {
    if (value !== '') item['text'] = { S: value }
  } else if (value instanceof Uint8Array) {
    if (value.byteLength > 0)
      item['bytes'] = { B: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') }
  } else {
    item['ref'] = { S: value.name }
    item['sha'] = { S: value.sha256 }
  }
  if (options.metadata !== undefined) item['meta'] = { S: options.metadata }
  if (options.expiration !== undefined) item['expires'] = { N: String(options.expiration) }
  return item
}

export function text(item: Item, name: string): string | undefined {
  const attribute = item[name]
  return attribute !== undefined && 'S' in attribute ? attribute.S : undefined
}

export function expiration(item: Item): number | undefined {
  const attribute = item['expires']
  return attribute !== undefined && 'N' in attribute ? Number(attribute.N) : undefined
}

/**
 * True if the DynamoDB item has expired. DynamoDB deletes expired items within days; until then, reads filter
 * them out.
 */
export function isExpired(item: Item, now: number): boolean {
  const at = expiration(item)
  return at !== undefined && at * 1000 <= now
}

export function reference(item: Item): Reference | undefined {
  const name = text(item, 'ref')
  return name === undefined ? undefined : { name, sha256: text(item, 'sha') ?? '' }
}

/** Returns the entry of a DynamoDB item with its inline value, or with `stored` if the value is in S3. */
export function toEntry(
  item: Item,
  as: 'text' | 'bytes' | 'stream',
  stored?: Uint8Array<ArrayBuffer>,
): KvEntry {
  const value = stored ?? inlineValue(item)
  const wanted =
    as === 'text'
      ? typeof value === 'string'
        ? value
        : utf8Text(value)
      : typeof value === 'string'
        ? utf8(value)
        : value
  return { value: wanted, metadata: text(item, 'meta'), expiration: expiration(item) }
}

function inlineValue(item: Item): string | Uint8Array<ArrayBuffer> {
  const bytes = item['bytes']
  return bytes !== undefined && 'B' in bytes
    ? new Uint8Array(Buffer.from(bytes.B, 'base64'))
    : (text(item, 'text') ?? '')
}
