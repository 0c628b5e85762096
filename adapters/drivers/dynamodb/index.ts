/** Key-value stores on Amazon DynamoDB; see `item.ts` for the table. Values that do not fit into an item are S3 objects. */
import { utf8, utf8Length } from '../../../core/bindings/bytes.ts'
import type { DriverFactory, KvDriver, KvEntry } from '../../../core/bindings/drivers.ts'
import { isUnmoorError, UnmoorError } from '../../../core/errors.ts'
import type { AwsOptions } from '../aws/options.ts'
import { S3Api } from '../s3/api.ts'
import { DynamodbApi } from './api.ts'
import { expiration, isExpired, type Item, type ItemKey, type Reference, reference, text, toEntry, toItem } from './item.ts'
import { mergePartitions, readCursor, writeCursor } from './list.ts'
import { Spill } from './spill.ts'

/** Options of {@link kv}. */
export interface DynamodbOptions extends AwsOptions {
  /** Default: variable `UNMOOR_TABLE`. */
  table?: string
  /** Bucket for values over 350 KB. Default: variable `UNMOOR_BUCKET`; without one, larger values are refused. */
  bucket?: string
  /** Origin of S3, where it is not DynamoDB's `endpoint`. Default: as the s3 driver's. */
  s3Endpoint?: string
  /** What keeps this binding's keys apart in a shared table. Default: `APP/BINDING`. */
  namespace?: string
  /**
   * Partitions that the keys are spread over, 1 to 64. One partition of DynamoDB takes 1,000 writes and 3,000 reads of 4 KB per second; each costs a
   * query per page of a list. It must never change while there is data. Default: 4.
   */
  shards?: number
  /** Strongly consistent reads, at twice the cost. Default: false. */
  consistent?: boolean
}

/** Key-value stores on DynamoDB. */
export const kv: DriverFactory<'kv', DynamodbOptions> = (options, context) => {
  const { binding, app } = context
  const table = options.table ?? context.variable('UNMOOR_TABLE')
  if (table === undefined) throw new UnmoorError('NotFound', `KV binding "${binding}" needs the name of its DynamoDB table in UNMOOR_TABLE.`, { binding })
  const shards = options.shards ?? 4
  if (!Number.isInteger(shards) || shards < 1 || shards > 64)
    throw new UnmoorError('InvalidArgument', `KV binding "${binding}": shards is ${shards}, not a whole number from 1 to 64.`, { binding })
  const bucket = options.bucket ?? context.variable('UNMOOR_BUCKET')
  const namespace = options.namespace ?? `${app}/${binding}`
  const { s3Endpoint, endpoint: _dynamodb, ...shared } = options
  const spill =
    bucket === undefined
      ? undefined
      : new Spill(new S3Api(bucket, s3Endpoint === undefined ? shared : { ...shared, endpoint: s3Endpoint }, context), `${namespace}/.values/`)
  return new DynamodbKv(new DynamodbApi(table, options, context), spill, {
    namespace,
    shards,
    consistent: options.consistent ?? false,
    now: () => context.now(),
  })
}

/** Bytes of the largest value that is kept in an item. An item has at most 400 KB, with key, metadata and names. */
const INLINE = 350 * 1024
/** Reads of an item whose object was replaced meanwhile. */
const RACES = 4

interface Settings {
  namespace: string
  shards: number
  consistent: boolean
  now: () => number
}

class DynamodbKv implements KvDriver {
  #api: DynamodbApi
  #spill: Spill | undefined
  #settings: Settings

  constructor(api: DynamodbApi, spill: Spill | undefined, settings: Settings) {
    this.#api = api
    this.#spill = spill
    this.#settings = settings
  }

  async get(key: string, as: 'text' | 'bytes' | 'stream'): Promise<KvEntry | null> {
    const item = await this.#api.get(this.#key(key), this.#settings.consistent)
    return item === undefined ? null : this.#entry(item, as)
  }

  async getMany(keys: readonly string[], as: 'text' | 'bytes'): Promise<Map<string, KvEntry>> {
    const items =
      keys.length === 0
        ? []
        : await this.#api.getMany(
            keys.map((key) => this.#key(key)),
            this.#settings.consistent,
          )
    const entries = await Promise.all(items.map(async (item) => [text(item, 'sk') ?? '', await this.#entry(item, as)] as const))
    return new Map(entries.filter((entry): entry is readonly [string, KvEntry] => entry[1] !== null))
  }

  async #entry(item: Item, as: 'text' | 'bytes' | 'stream'): Promise<KvEntry | null> {
    let current: Item | undefined = item
    for (let race = 0; race < RACES; race++) {
      if (current === undefined || isExpired(current, this.#settings.now())) return null
      const stored = reference(current)
      if (stored === undefined) return toEntry(current, as)
      const value = await this.#spilled().get(stored)
      if (value !== null) return toEntry(current, as, value)
      // Overwritten or deleted since: read what it is now.
      current = await this.#api.get({ pk: item['pk'], sk: item['sk'] } as ItemKey, true)
    }
    throw new UnmoorError('Unavailable', `The object of the value of ${JSON.stringify(text(item, 'sk'))} is not in the bucket.`)
  }

  async put(key: string, value: string | Uint8Array<ArrayBuffer>, options: { metadata?: string | undefined; expiration?: number | undefined }): Promise<void> {
    const size = typeof value === 'string' ? (value.length * 3 <= INLINE ? 0 : utf8Length(value)) : value.byteLength
    const stored = size > INLINE ? await this.#spilled(size).put(typeof value === 'string' ? utf8(value) : value) : undefined
    const item = toItem(this.#key(key), stored ?? value, options)
    try {
      await this.#replace((write) => this.#api.put(item, write), stored)
    } catch (error) {
      if (stored !== undefined && isUnmoorError(error) && !error.mayHaveApplied) await this.#spill?.remove(stored.name)
      throw error
    }
  }

  async delete(key: string): Promise<void> {
    await this.#replace((write) => this.#api.delete(this.#key(key), write), undefined)
  }

  /**
   * Writes, and removes the object of the value before. The first try takes place only where there is none, so that the usual
   * write does not bring the old value back over the network to learn that.
   */
  async #replace(
    write: (options: { unlessReferenced?: boolean; returnOld?: boolean }) => Promise<Item | undefined>,
    stored: Reference | undefined,
  ): Promise<void> {
    if (this.#spill === undefined) {
      await write({})
      return
    }
    try {
      await write({ unlessReferenced: true })
    } catch (error) {
      if (!isUnmoorError(error, 'PreconditionFailed')) throw error
      const old = await write({ returnOld: true })
      const before = old === undefined ? undefined : reference(old)
      // Its own, where an earlier try was applied although its answer got lost.
      if (before !== undefined && before.name !== stored?.name) await this.#spill.remove(before.name)
    }
  }

  async list(options: { prefix: string; cursor?: string | undefined; limit: number }): ReturnType<KvDriver['list']> {
    const { prefix, cursor, limit } = options
    const { namespace, shards, now } = this.#settings
    const after = cursor === undefined ? undefined : readCursor(prefix, cursor)
    const pks = Array.from({ length: shards }, (_, shard) => `${namespace}#${shard}`)
    const { items, more } = await mergePartitions(this.#api, pks, { prefix, after, limit, now: now() })
    const keys = items.map((item) => ({ name: text(item, 'sk') ?? '', metadata: text(item, 'meta'), expiration: expiration(item) }))
    const last = keys.at(-1)
    return more && last !== undefined ? { keys, cursor: writeCursor(prefix, last.name) } : { keys }
  }

  #key(key: string): ItemKey {
    const { namespace, shards } = this.#settings
    return { pk: { S: `${namespace}#${hash(key) % shards}` }, sk: { S: key } }
  }

  #spilled(size?: number): Spill {
    if (this.#spill !== undefined) return this.#spill
    const what = size === undefined ? 'This value is in S3' : `A value of ${size} bytes is over the ${INLINE} that DynamoDB keeps in an item`
    throw new UnmoorError('LimitExceeded', `${what}, but the driver has no bucket. Give it one: the option \`bucket\`, or the variable UNMOOR_BUCKET.`, {
      details: size === undefined ? {} : { limit: 'dynamodb.value', actual: size, max: INLINE },
    })
  }
}

/** FNV-1a of the UTF-8 bytes: which partition a key is in. It must never change. */
function hash(key: string): number {
  let value = 0x811c9dc5
  for (const byte of utf8(key)) value = Math.imul(value ^ byte, 0x01000193)
  return value >>> 0
}
