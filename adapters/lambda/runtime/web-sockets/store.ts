import type { DriverContext } from '../../../../core/bindings/drivers.ts'
import { socketGone } from '../../../../core/bindings/sockets.ts'
import { addTopic } from '../../../../core/bindings/socket-checks.ts'
import { isUnmoorError, UnmoorError } from '../../../../core/errors.ts'
import { SOCKET_LIMITS } from '../../../../core/limits.ts'
import { AwsClient } from '../../../drivers/aws/client.ts'
import { callJson } from '../../../drivers/aws/json.ts'
import { resolveAws } from '../../../drivers/aws/settings.ts'
import type { ApiGatewayOptions } from '../../socket-options.ts'

/** A socket's record stored in DynamoDB. */
export interface SocketRecord {
  readonly data: string | undefined
  readonly topics: readonly string[]
  /** Time at which the socket was accepted, in milliseconds since 1970. */
  readonly since: number
}

type Attribute = { S: string } | { N: string } | { SS: readonly string[] }
type Item = Record<string, Attribute>

/**
 * Seconds for which a socket's record is kept: the two hours that API Gateway keeps a connection at most, and
 * a margin for clock differences. `$disconnect` is best effort, so the expiration may be all that deletes a
 * record.
 */
const LIFE = 2 * 3600 + 600
/** Maximum number of members of a sockets topic that one query returns. */
const PAGE = 1000

/**
 * The sockets, topics and tickets of one sockets binding, in the DynamoDB table that kv bindings use too (TTL
 * attribute `expires`): `PREFIX#socket#ID` has the data and the topics of a socket, `PREFIX#topic#TOPIC` an
 * item for each member, `PREFIX#ticket#ID` a ticket.
 */
export class SocketStore {
  #client: AwsClient
  #url: string
  #table: string
  #prefix: string
  #now: () => number

  constructor(options: ApiGatewayOptions, context: DriverContext) {
    const { binding, app } = context
    const table = options.table ?? context.variable('UNMOOR_TABLE')
    if (table === undefined)
      throw new UnmoorError(
        'NotFound',
        `Sockets binding "${binding}" needs the name of its DynamoDB table in UNMOOR_TABLE.`,
        { binding, operation: 'start' },
      )
    this.#client = new AwsClient(resolveAws('dynamodb', options, context))
    const { endpoint, region } = this.#client.settings
    this.#url = `${endpoint ?? `https://dynamodb.${region}.amazonaws.com`}/`
    this.#table = table
    this.#prefix = options.prefix ?? `${app}/${binding}`
    this.#now = () => context.now()
  }

  get now(): number {
    return this.#now()
  }

  /** Stores an accepted socket, its topics first: whoever finds the socket then also finds its topics. */
  async add(id: string, data: string | undefined, topics: readonly string[]): Promise<void> {
    await Promise.all(topics.map((topic) => this.#join(id, topic)))
    await this.#put({
      ...this.#socket(id),
      ...(data === undefined ? {} : { data: { S: data } }),
      ...(topics.length === 0 ? {} : { topics: { SS: topics } }),
      since: { N: String(this.#now()) },
      expires: this.#expires(LIFE),
    })
  }

  /** Returns the record of a socket; undefined if the socket is gone. */
  async find(id: string): Promise<SocketRecord | undefined> {
    const { Item: item } = await this.#read<{ Item?: Item }>('GetItem', {
      Key: this.#socket(id),
      ConsistentRead: true,
    })
    return item === undefined || this.#isExpired(item) ? undefined : toRecord(item)
  }

  /** Deletes a socket's record. One caller receives the record; concurrent callers receive undefined. */
  async remove(id: string): Promise<SocketRecord | undefined> {
    const { Attributes } = await this.#write<{ Attributes?: Item }>('DeleteItem', {
      Key: this.#socket(id),
      ReturnValues: 'ALL_OLD',
    })
    if (Attributes === undefined) return undefined
    const record = toRecord(Attributes)
    await Promise.all(record.topics.map((topic) => this.leave(id, topic)))
    return record
  }

  /** Sets the data of a socket. @throws `NotFound` if the socket is gone. */
  async setData(id: string, data: string | undefined): Promise<void> {
    await this.#update(id, {
      UpdateExpression: data === undefined ? 'REMOVE #data' : 'SET #data = :data',
      ConditionExpression: 'attribute_exists(pk)',
      ExpressionAttributeNames: { '#data': 'data' },
      ...(data === undefined ? {} : { ExpressionAttributeValues: { ':data': { S: data } } }),
    })
  }

  /** Adds a topic to a socket. @throws `NotFound` if the socket is gone, `LimitExceeded` for a 17th topic. */
  async subscribe(id: string, topic: string): Promise<void> {
    try {
      await this.#update(id, {
        UpdateExpression: 'ADD #topics :topics',
        ConditionExpression:
          'attribute_exists(pk) AND (attribute_not_exists(#topics) OR contains(#topics, :topic) OR ' +
          'size(#topics) < :max)',
        ExpressionAttributeNames: { '#topics': 'topics' },
        ExpressionAttributeValues: {
          ':topics': { SS: [topic] },
          ':topic': { S: topic },
          ':max': { N: String(SOCKET_LIMITS['sockets.topics']) },
        },
      })
    } catch (error) {
      const record = isUnmoorError(error, 'NotFound') ? await this.find(id) : undefined
      if (record !== undefined) addTopic(record.topics, topic)
      throw error
    }
    await this.#join(id, topic)
  }

  async unsubscribe(id: string, topic: string): Promise<void> {
    await this.leave(id, topic)
    await this.#update(id, {
      UpdateExpression: 'DELETE #topics :topics',
      ConditionExpression: 'attribute_exists(pk)',
      ExpressionAttributeNames: { '#topics': 'topics' },
      ExpressionAttributeValues: { ':topics': { SS: [topic] } },
    })
  }

  /** Yields the ids of the sockets that have the topic, page by page. */
  async *members(topic: string): AsyncGenerator<string[]> {
    const pk = this.#topic(topic)
    for (let start: Item | undefined, isFirst = true; isFirst || start !== undefined; isFirst = false) {
      const { Items = [], LastEvaluatedKey } = await this.#read<{ Items?: Item[]; LastEvaluatedKey?: Item }>(
        'Query',
        {
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': { S: pk } },
          Limit: PAGE,
          ConsistentRead: true,
          ...(start === undefined ? {} : { ExclusiveStartKey: start }),
        },
      )
      yield Items.filter((item) => !this.#isExpired(item)).flatMap((item) => text(item, 'sk') ?? [])
      start = LastEvaluatedKey
    }
  }

  /** Removes a socket from the members of a topic. */
  async leave(id: string, topic: string): Promise<void> {
    await this.#write('DeleteItem', { Key: { pk: { S: this.#topic(topic) }, sk: { S: id } } })
  }

  async saveTicket(id: string, value: string, seconds: number): Promise<void> {
    await this.#put({ ...this.#ticket(id), value: { S: value }, expires: this.#expires(seconds) })
  }

  /**
   * Takes the ticket of a WebSocket client. The DynamoDB item is deleted and returned in one step, so that
   * only one of several callers receives it.
   */
  async takeTicket(id: string): Promise<string | null> {
    // The call that takes a ticket is not repeated after a lost answer, because the first try may have taken
    // the ticket.
    const { Attributes } = await this.#write<{ Attributes?: Item }>(
      'DeleteItem',
      { Key: this.#ticket(id), ReturnValues: 'ALL_OLD' },
      false,
    )
    if (Attributes === undefined || this.#isExpired(Attributes)) return null
    return text(Attributes, 'value') ?? null
  }

  #join(id: string, topic: string): Promise<void> {
    return this.#put({ pk: { S: this.#topic(topic) }, sk: { S: id }, expires: this.#expires(LIFE) })
  }

  #socket(id: string): Item {
    return { pk: { S: `${this.#prefix}#socket#${id}` }, sk: { S: 'socket' } }
  }

  #ticket(id: string): Item {
    return { pk: { S: `${this.#prefix}#ticket#${id}` }, sk: { S: 'ticket' } }
  }

  #topic(topic: string): string {
    return `${this.#prefix}#topic#${topic}`
  }

  #expires(seconds: number): Attribute {
    return { N: String(Math.ceil(this.#now() / 1000 + seconds)) }
  }

  /** True if the DynamoDB item of a socket has expired; DynamoDB deletes expired items within days. */
  #isExpired(item: Item): boolean {
    return (number(item, 'expires') ?? Infinity) * 1000 <= this.#now()
  }

  async #update(id: string, change: object): Promise<void> {
    try {
      await this.#write('UpdateItem', { Key: this.#socket(id), ...change })
    } catch (error) {
      throw isUnmoorError(error, 'PreconditionFailed') ? socketGone(id) : error
    }
  }

  async #put(item: Item): Promise<void> {
    await this.#write('PutItem', { Item: item })
  }

  #read<T>(operation: string, body: object): Promise<T> {
    return this.#call(operation, body, { write: false, repeatable: true })
  }

  /**
   * Writes an item of the sockets' DynamoDB table. Every write may be repeated without further effect, except
   * taking a ticket.
   */
  #write<T = unknown>(operation: string, body: object, repeatable = true): Promise<T> {
    return this.#call(operation, body, { write: true, repeatable })
  }

  #call<T>(operation: string, body: object, options: { write: boolean; repeatable: boolean }): Promise<T> {
    return callJson<T>(this.#client, {
      service: 'dynamodb',
      target: `DynamoDB_20120810.${operation}`,
      url: this.#url,
      on: `table "${this.#table}"`,
      body: { TableName: this.#table, ...body },
      ...options,
    })
  }
}

function toRecord(item: Item): SocketRecord {
  const topics = item['topics']
  return {
    data: text(item, 'data'),
    topics: topics !== undefined && 'SS' in topics ? topics.SS : [],
    since: number(item, 'since') ?? 0,
  }
}

function text(item: Item, name: string): string | undefined {
  const attribute = item[name]
  return attribute !== undefined && 'S' in attribute ? attribute.S : undefined
}

function number(item: Item, name: string): number | undefined {
  const attribute = item[name]
  return attribute !== undefined && 'N' in attribute ? Number(attribute.N) : undefined
}
