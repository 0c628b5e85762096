/** DynamoDB's own operations on one table, limited to those that the driver uses. */
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { AwsClient, pause } from '../aws/client.ts'
import { callJson } from '../aws/json.ts'
import type { AwsOptions } from '../aws/options.ts'
import { resolveAws } from '../aws/settings.ts'
import type { Attribute, Item, ItemKey } from './item.ts'

/** A DynamoDB ConditionExpression with the attribute names and values that it uses. */
export interface Condition {
  expression: string
  names: Record<string, string>
  values?: Record<string, Attribute>
}

/** Options of a conditional or repeatable write of a DynamoDB item. */
export interface WriteOptions {
  /**
   * Condition that the stored DynamoDB item must meet; otherwise the write fails with `PreconditionFailed`.
   * Default: none.
   */
  condition?: Condition
  /** If true, a write to DynamoDB returns the item that was stored before. */
  returnOld?: boolean
  /**
   * If true, a DynamoDB write is not repeated after an unclear failure: the second try could meet the first
   * one's item.
   */
  once?: boolean
}

const BATCH_TRIES = 8

/** The operations on one DynamoDB table. */
export class DynamodbApi {
  #client: AwsClient
  #url: string
  #table: string

  constructor(table: string, options: AwsOptions, context: Pick<DriverContext, 'variable' | 'binding'>) {
    this.#client = new AwsClient(resolveAws('dynamodb', options, context))
    const { endpoint, region } = this.#client.settings
    this.#url = `${endpoint ?? `https://dynamodb.${region}.amazonaws.com`}/`
    this.#table = table
  }

  async get(key: ItemKey, consistent: boolean): Promise<Item | undefined> {
    const { Item: item } = await this.#read<{ Item?: Item }>('GetItem', {
      TableName: this.#table,
      Key: key,
      ConsistentRead: consistent,
    })
    return item
  }

  /**
   * Reads at most 100 DynamoDB items by their keys. DynamoDB answers at most 16 MB at once and names the keys
   * that are left.
   */
  async getMany(keys: readonly ItemKey[], consistent: boolean): Promise<Item[]> {
    const items: Item[] = []
    let left: readonly ItemKey[] = keys
    for (let attempt = 0; left.length > 0;) {
      const answer = await this.#read<{
        Responses?: Record<string, Item[]>
        UnprocessedKeys?: Record<string, { Keys: ItemKey[] }>
      }>('BatchGetItem', {
        RequestItems: { [this.#table]: { Keys: left, ConsistentRead: consistent } },
      })
      const found = answer.Responses?.[this.#table] ?? []
      items.push(...found)
      const rest = answer.UnprocessedKeys?.[this.#table]?.Keys ?? []
      // If a batch read of DynamoDB returns no key, the table is throttled, so the next try waits. If it
      // returns some of the keys, the answer was full.
      if (rest.length === left.length && ++attempt >= BATCH_TRIES)
        throw new UnmoorError(
          'Throttled',
          `dynamodb BatchGetItem on table "${this.#table}" left ${rest.length} keys.`,
        )
      if (rest.length === left.length) await pause(Math.random() * Math.min(2000, 50 * 2 ** attempt))
      left = rest
    }
    return items
  }

  put(item: Item, options: WriteOptions = {}): Promise<Item | undefined> {
    return this.#write('PutItem', { Item: item }, options)
  }

  delete(key: ItemKey, options: WriteOptions = {}): Promise<Item | undefined> {
    return this.#write('DeleteItem', { Key: key }, options)
  }

  async #write(
    operation: string,
    body: object,
    { condition, returnOld, once }: WriteOptions,
  ): Promise<Item | undefined> {
    const request = {
      TableName: this.#table,
      ...body,
      ReturnValues: returnOld ? 'ALL_OLD' : 'NONE',
      ...(condition === undefined
        ? {}
        : { ConditionExpression: condition.expression, ExpressionAttributeNames: condition.names }),
      ...(condition?.values === undefined ? {} : { ExpressionAttributeValues: condition.values }),
    }
    // Puts and deletes of whole DynamoDB items may be repeated: a second try leaves what the first would have
    // left.
    const { Attributes } = await this.#call<{ Attributes?: Item }>(operation, request, {
      write: true,
      repeatable: !once,
    })
    return Attributes
  }

  /**
   * Lists the keys of one DynamoDB partition that begin with `prefix` and follow `after`, without values.
   * `last` is where the next page begins.
   */
  async query(options: {
    pk: string
    prefix: string
    after: string | undefined
    limit: number
    now: number
    consistent: boolean
  }): Promise<{ items: Item[]; last: string | undefined }> {
    const { pk, prefix, after, limit, now, consistent } = options
    const { Items = [], LastEvaluatedKey } = await this.#read<{ Items?: Item[]; LastEvaluatedKey?: ItemKey }>(
      'Query',
      {
        TableName: this.#table,
        KeyConditionExpression: prefix === '' ? '#pk = :pk' : '#pk = :pk AND begins_with(#sk, :prefix)',
        FilterExpression: 'attribute_not_exists(#expires) OR #expires > :now',
        ProjectionExpression: '#sk, #meta, #expires',
        ExpressionAttributeNames: { '#pk': 'pk', '#sk': 'sk', '#expires': 'expires', '#meta': 'meta' },
        ExpressionAttributeValues: {
          ':pk': { S: pk },
          ':now': { N: String(Math.floor(now / 1000)) },
          ...(prefix === '' ? {} : { ':prefix': { S: prefix } }),
        },
        Limit: limit,
        ConsistentRead: consistent,
        ...(after === undefined ? {} : { ExclusiveStartKey: { pk: { S: pk }, sk: { S: after } } }),
      },
    )
    return { items: Items, last: LastEvaluatedKey?.sk.S }
  }

  #read<T>(operation: string, body: object): Promise<T> {
    return this.#call(operation, body, { write: false, repeatable: true })
  }

  #call<T>(operation: string, body: object, options: { write: boolean; repeatable: boolean }): Promise<T> {
    return callJson<T>(this.#client, {
      service: 'dynamodb',
      target: `DynamoDB_20120810.${operation}`,
      url: this.#url,
      on: `table "${this.#table}"`,
      body,
      ...options,
    })
  }
}
