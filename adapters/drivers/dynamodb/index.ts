/**
 * Key-value stores on Amazon DynamoDB; see `item.ts` for the table. Values that do not fit into an item are
 * S3 objects.
 */
import type { DriverContext, DriverFactory, KvDriver, KvEntry } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { S3Api } from '../s3/api.ts'
import { DynamodbApi } from './api.ts'
import { Spill } from './spill.ts'
import { Store } from './store.ts'
import { DynamodbStrongKv } from './strong.ts'
import type { DynamodbOptions } from './options.ts'

export type { AwsOptions } from '../aws/options.ts'
export type { DynamodbOptions } from './options.ts'

/** Key-value stores on DynamoDB. */
export const kv: DriverFactory<'kv', DynamodbOptions> = (options, context) =>
  new DynamodbKv(createStore(options, context, options.consistent ?? false))

/**
 * Key-value stores with `consistency: 'strong'` on DynamoDB: every read is consistent, and items have
 * versions.
 */
export const strongKv: DriverFactory<'strongKv', DynamodbOptions> = (options, context) =>
  new DynamodbStrongKv(createStore(options, context, true))

function createStore(options: DynamodbOptions, context: DriverContext, consistent: boolean): Store {
  const { binding, app } = context
  const table = options.table ?? context.variable('UNMOOR_TABLE')
  if (table === undefined)
    throw new UnmoorError(
      'NotFound',
      `KV binding "${binding}" needs the name of its DynamoDB table in UNMOOR_TABLE.`,
      { binding },
    )
  const shards = options.shards ?? 4
  if (!Number.isInteger(shards) || shards < 1 || shards > 64) {
    throw new UnmoorError(
      'InvalidArgument',
      `KV binding "${binding}": shards is ${shards}, not a whole number from 1 to 64.`,
      { binding },
    )
  }
  const bucket = options.bucket ?? context.variable('UNMOOR_BUCKET')
  const namespace = options.prefix ?? options.namespace ?? `${app}/${binding}`
  const { s3Endpoint, endpoint: _dynamodb, ...shared } = options
  const s3 = s3Endpoint === undefined ? shared : { ...shared, endpoint: s3Endpoint }
  const spill =
    bucket === undefined ? undefined : new Spill(new S3Api(bucket, s3, context), `${namespace}/.values/`)
  return new Store(new DynamodbApi(table, options, context), spill, {
    namespace,
    shards,
    consistent,
    now: () => context.now(),
  })
}

class DynamodbKv implements KvDriver {
  #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async get(key: string, as: 'text' | 'bytes' | 'stream'): Promise<KvEntry | null> {
    const item = await this.#store.read(key)
    return item === undefined ? null : ((await this.#store.entry(item, as))?.entry ?? null)
  }

  getMany(keys: readonly string[], as: 'text' | 'bytes'): Promise<Map<string, KvEntry>> {
    return this.#store.many(keys, as)
  }

  put(
    key: string,
    value: string | Uint8Array<ArrayBuffer>,
    options: Parameters<KvDriver['put']>[2],
  ): Promise<void> {
    const store = this.#store
    return store.put(key, value, options, (item, stored) =>
      store.replace((write) => store.api.put(item, write), stored),
    )
  }

  delete(key: string): Promise<void> {
    const store = this.#store
    return store.replace((write) => store.api.delete(store.key(key), write), undefined)
  }

  list(options: Parameters<KvDriver['list']>[0]): ReturnType<KvDriver['list']> {
    return this.#store.list(options)
  }
}
