import { fnv1a, utf8, utf8Length } from '../../../core/bindings/bytes.ts'
import type { KvDriver, KvEntry } from '../../../core/bindings/drivers.ts'
import { isUnmoorError, UnmoorError } from '../../../core/errors.ts'
import type { DynamodbApi, WriteOptions } from './api.ts'
import {
  expiration,
  isExpired,
  type Item,
  type ItemKey,
  type Reference,
  reference,
  text,
  toEntry,
  toItem,
} from './item.ts'
import { mergePartitions, readCursor, writeCursor } from './list.ts'
import type { Spill } from './spill.ts'

/** Settings of one binding's store in DynamoDB: where its items are and how they are read. */
export interface StoreSettings {
  namespace: string
  shards: number
  consistent: boolean
  now: () => number
}

type Value = string | Uint8Array<ArrayBuffer>

/**
 * Maximum bytes of a value that is kept inside its DynamoDB item. An item has at most 400 KB, including key,
 * metadata and attribute names.
 */
const INLINE = 350 * 1024
/** Maximum number of reads of a DynamoDB item whose S3 object was replaced during the read. */
const RACES = 4

/** The DynamoDB items of one binding, with the S3 objects that hold their larger values. */
export class Store {
  readonly api: DynamodbApi
  #spill: Spill | undefined
  #settings: StoreSettings

  constructor(api: DynamodbApi, spill: Spill | undefined, settings: StoreSettings) {
    this.api = api
    this.#spill = spill
    this.#settings = settings
  }

  get now(): number {
    return this.#settings.now()
  }

  key(key: string): ItemKey {
    const { namespace, shards } = this.#settings
    return { pk: { S: `${namespace}#${fnv1a(key) % shards}` }, sk: { S: key } }
  }

  read(key: string): Promise<Item | undefined> {
    return this.api.get(this.key(key), this.#settings.consistent)
  }

  /**
   * Returns the entry of a DynamoDB item, and the item that the value belongs to: a newer one if the item is
   * overwritten during the read. Null if the item is expired or gone.
   */
  async entry(item: Item, as: 'text' | 'bytes' | 'stream'): Promise<{ entry: KvEntry; item: Item } | null> {
    let current: Item | undefined = item
    for (let race = 0; race < RACES; race++) {
      if (current === undefined || isExpired(current, this.now)) return null
      const stored = reference(current)
      if (stored === undefined) return { entry: toEntry(current, as), item: current }
      const value = await this.#spilled().get(stored)
      if (value !== null) return { entry: toEntry(current, as, value), item: current }
      // The S3 object is gone because the DynamoDB item was overwritten or deleted; read the current item.
      current = await this.api.get({ pk: item['pk'], sk: item['sk'] } as ItemKey, true)
    }
    throw new UnmoorError(
      'Unavailable',
      `The object of the value of ${JSON.stringify(text(item, 'sk'))} is not in the bucket.`,
    )
  }

  async many(keys: readonly string[], as: 'text' | 'bytes'): Promise<Map<string, KvEntry>> {
    if (keys.length === 0) return new Map()
    const items = await this.api.getMany(
      keys.map((key) => this.key(key)),
      this.#settings.consistent,
    )
    const found = await Promise.all(items.map((item) => this.entry(item, as)))
    return new Map(
      found.flatMap((one) => (one === null ? [] : [[text(one.item, 'sk') ?? '', one.entry] as const])),
    )
  }

  async list({ prefix, cursor, limit }: Parameters<KvDriver['list']>[0]): ReturnType<KvDriver['list']> {
    const { namespace, shards, consistent } = this.#settings
    const after = cursor === undefined ? undefined : readCursor(prefix, cursor)
    const pks = Array.from({ length: shards }, (_, shard) => `${namespace}#${shard}`)
    const { items, more } = await mergePartitions(this.api, pks, {
      prefix,
      after,
      limit,
      now: this.now,
      consistent,
    })
    const keys = items.map((item) => ({
      name: text(item, 'sk') ?? '',
      metadata: text(item, 'meta'),
      expiration: expiration(item),
    }))
    const last = keys.at(-1)
    return more && last !== undefined ? { keys, cursor: writeCursor(prefix, last.name) } : { keys }
  }

  /**
   * Writes a DynamoDB item through `write`. A large value is first stored in S3, and removed again if the
   * write was certainly not applied.
   */
  async put<T>(
    key: string,
    value: Value,
    options: { metadata?: string | undefined; expiration?: number | undefined },
    write: (item: Item, stored: Reference | undefined) => Promise<T>,
  ): Promise<T> {
    const size =
      typeof value === 'string' ? (value.length * 3 <= INLINE ? 0 : utf8Length(value)) : value.byteLength
    const stored =
      size > INLINE
        ? await this.#spilled(size).put(typeof value === 'string' ? utf8(value) : value)
        : undefined
    try {
      return await write(toItem(this.key(key), stored ?? value, options), stored)
    } catch (error) {
      if (isUnmoorError(error) && !error.mayHaveApplied) await this.remove(stored)
      throw error
    }
  }

  /**
   * Writes a DynamoDB item and removes the S3 object of the previous value. The first try requires that the
   * previous value has no S3 object, so that most writes need not return the previous item.
   */
  async replace(
    write: (options: WriteOptions) => Promise<Item | undefined>,
    stored: Reference | undefined,
  ): Promise<void> {
    if (this.#spill === undefined) {
      await write({})
      return
    }
    try {
      await write({ condition: { expression: 'attribute_not_exists(#ref)', names: { '#ref': 'ref' } } })
    } catch (error) {
      if (!isUnmoorError(error, 'PreconditionFailed')) throw error
      const old = await write({ returnOld: true })
      const before = old === undefined ? undefined : reference(old)
      // The S3 object of the stored DynamoDB item can be the one that this write refers to, if an earlier try
      // was applied and its answer was lost.
      if (before?.name !== stored?.name) await this.remove(before)
    }
  }

  /** Removes the S3 object of a large value, if the value has one. */
  async remove(stored: Reference | undefined): Promise<void> {
    if (stored !== undefined) await this.#spill?.remove(stored.name)
  }

  #spilled(size?: number): Spill {
    if (this.#spill !== undefined) return this.#spill
    const what =
      size === undefined
        ? 'This value is in S3'
        : `A value of ${size} bytes is over the ${INLINE} that DynamoDB keeps in an item`
    throw new UnmoorError(
      'LimitExceeded',
      `${what}, but the driver has no bucket. Give it one: the option \`bucket\`, or the variable ` +
        'UNMOOR_BUCKET.',
      size === undefined ? {} : { details: { limit: 'dynamodb.value', actual: size, max: INLINE } },
    )
  }
}
