import { randomUUID } from 'node:crypto'
import type { QueueDeclaration } from '../../../core/bindings/declarations.ts'
import type {
  DriverFactory,
  QueueDriver,
  QueueIncoming,
  QueueOutgoing,
  QueuePeeked,
  QueueSettlement,
} from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { Connection } from './connection.ts'
import type { RedisQueueOptions } from './options.ts'
import { keyPrefix, type RedisFactoryOptions } from './server.ts'
import { Sends } from './sends.ts'
import { type SharedConnection, shareConnection } from './shared-connection.ts'
import { AGE, DEPTH, EXTEND, PEEK, PURGE, RECEIVE, REPLAY, SETTLE } from './queue-scripts.ts'
import { Wake } from './wake.ts'

/**
 * Milliseconds between two polls of a Redis queue while this process is subscribed to pushes, in case one is
 * lost.
 */
const LOOK_EVERY = 5000
/** Milliseconds between two polls of a Redis queue while this process is not subscribed to pushes. */
const LOOK_EVERY_UNHEARD = 200

/**
 * Queue driver in four Redis keys. All queues of an app share a hash slot, so that one script moves a message
 * to its dead-letter queue.
 */
export const queue: DriverFactory<'queue', RedisQueueOptions & RedisFactoryOptions> = async (
  options,
  context,
) => {
  const { binding, app } = context
  const durability = options.durability ?? 'append-only'
  if (durability !== 'append-only' && durability !== 'memory')
    throw new UnmoorError(
      'InvalidArgument',
      `Binding "${binding}": durability is 'append-only' or 'memory', not ${JSON.stringify(durability)}.`,
      {
        binding,
        operation: 'start',
      },
    )
  const shared = await shareConnection(options, context, durability)
  const { maxRetries, deadLetterQueue } = context.declaration as QueueDeclaration
  const prefix = `${keyPrefix(options, app)}:queue:`
  try {
    await shared.check(binding)
  } catch (error) {
    // If the Redis server is unreachable at start, its durability is checked once it is reachable.
    if (!(error instanceof UnmoorError && error.code === 'Unavailable' && error.retryable)) {
      shared.close()
      throw error
    }
  }
  return new RedisQueue(shared, {
    name: prefix + encodeURIComponent(binding),
    maxRetries,
    deadLetter: deadLetterQueue === undefined ? undefined : prefix + encodeURIComponent(deadLetterQueue),
  })
}

interface Settings {
  name: string
  maxRetries: number
  deadLetter: string | undefined
}

/**
 * A queue in Redis. A lease consists of the message's id and a token that is new for each receive, so that a
 * stale lease matches nothing.
 */
class RedisQueue implements QueueDriver {
  #shared: SharedConnection
  #connection: Connection
  #settings: Settings
  #wake: Wake
  #keys: string[]
  #keysAndDead: string[]
  #deadChannel: string
  #sends: Sends

  constructor(shared: SharedConnection, settings: Settings) {
    this.#shared = shared
    this.#connection = shared.connection
    this.#settings = settings
    this.#wake = new Wake(shared.pushes, channelOf(settings.name))
    this.#keys = keysOf(settings.name)
    this.#keysAndDead = [...this.#keys, ...keysOf(settings.deadLetter ?? settings.name)]
    this.#deadChannel = channelOf(settings.deadLetter ?? settings.name)
    this.#sends = new Sends(this.#connection, this.#keys, {
      name: settings.name,
      channel: channelOf(settings.name),
    })
  }

  async send(messages: readonly QueueOutgoing[]): Promise<void> {
    await this.#sends.send(
      messages.flatMap(({ id, contentType, body, delaySeconds }) => [
        id,
        packBody(contentType, body),
        String(delaySeconds * 1000),
      ]),
    )
  }

  async receive(options: {
    max: number
    leaseSeconds: number
    waitSeconds: number
    signal: AbortSignal
  }): Promise<QueueIncoming[]> {
    const deadline = performance.now() + options.waitSeconds * 1000
    for (;;) {
      const heard = options.waitSeconds > 0 && !options.signal.aborted && (await this.#wake.listen())
      const seen = this.#wake.pushes
      // A consumer that is shutting down is leased no messages; a push that woke it is passed on to another
      // consumer.
      if (options.signal.aborted) {
        this.#wake.more()
        return []
      }
      const { next, received } = await this.#take(options.max, options.leaseSeconds)
      const left = deadline - performance.now()
      if (received.length > 0) {
        // This consumer of the Redis queue is now busy, so it wakes the next one if further messages are due
        // soon.
        if (next >= 0 && next < LOOK_EVERY) this.#wake.more()
        return received
      }
      if (left <= 0) return received
      const longest = heard ? LOOK_EVERY : LOOK_EVERY_UNHEARD
      await this.#wake.wait(
        seen,
        Math.min(left, next < 0 ? longest : Math.max(1, next), longest),
        options.signal,
      )
    }
  }

  async #take(max: number, leaseSeconds: number): Promise<{ next: number; received: QueueIncoming[] }> {
    const { maxRetries, deadLetter } = this.#settings
    const token = randomUUID()
    // A queue message whose last allowed delivery ended in a crash is buried in the dead-letter queue.
    // Without such a queue it is delivered again, because no crash may lose a message.
    const args = [
      max,
      leaseSeconds * 1000,
      token,
      deadLetter === undefined ? '' : maxRetries + 1,
      this.#deadChannel,
    ]
    const [next, ...found] = (await this.#connection.run(RECEIVE, this.#keysAndDead, args)) as [
      number,
      ...(Buffer | number)[],
    ]
    const received: QueueIncoming[] = []
    for (let index = 0; index < found.length; index += 3) {
      const id = String(found[index])
      received.push({
        id,
        attempts: found[index + 1] as number,
        lease: `${token}.${id}`,
        ...unpackMessage(found[index + 2] as Buffer),
      })
    }
    return { next, received }
  }

  async settle(settlements: readonly QueueSettlement[]): Promise<{ dropped: string[] }> {
    const { name, maxRetries, deadLetter } = this.#settings
    const args: (string | number)[] = [
      maxRetries + 1,
      deadLetter === undefined ? 0 : 1,
      this.#deadChannel,
      channelOf(name),
    ]
    for (const settlement of settlements)
      args.push(
        ...parseLease(settlement.lease),
        settlement.outcome === 'ack' ? '' : settlement.delaySeconds * 1000,
      )
    const dropped = (await this.#connection.run(SETTLE, this.#keysAndDead, args)) as Buffer[]
    return { dropped: dropped.map(String) }
  }

  async extend(leases: readonly string[], leaseSeconds: number): Promise<void> {
    await this.#connection.run(EXTEND, this.#keys, [leaseSeconds * 1000, ...leases.flatMap(parseLease)])
  }

  async depth(): Promise<{ ready: number; delayed: number; leased: number }> {
    const [ready, delayed, leased] = (await this.#connection.run(DEPTH, this.#keys, [])) as [
      number,
      number,
      number,
    ]
    return { ready, delayed, leased }
  }

  async age(): Promise<number | undefined> {
    const milliseconds = (await this.#connection.run(AGE, this.#keys, [])) as number
    return milliseconds < 0 ? undefined : milliseconds / 1000
  }

  async peek({ limit }: { limit: number }): Promise<QueuePeeked[]> {
    const found = (await this.#connection.run(PEEK, this.#keys, [limit])) as (Buffer | number)[]
    const peeked: QueuePeeked[] = []
    for (let index = 0; index < found.length; index += 4)
      peeked.push({
        id: String(found[index]),
        attempts: found[index + 1] as number,
        state: String(found[index + 3]) as QueuePeeked['state'],
        ...unpackMessage(found[index + 2] as Buffer),
      })
    return peeked
  }

  async replay({ limit, ids }: { limit: number; ids?: readonly string[] | undefined }): Promise<string[]> {
    const { name, deadLetter } = this.#settings
    // Without ids, the Redis script moves the oldest dead letters.
    if (deadLetter === undefined || ids?.length === 0) return []
    const args = [limit, channelOf(name), ...(ids ?? [])]
    const keys = [...keysOf(deadLetter), ...this.#keys]
    return ((await this.#connection.run(REPLAY, keys, args)) as Buffer[]).map(String)
  }

  async purge(): Promise<number> {
    return (await this.#connection.run(PURGE, this.#keys, [])) as number
  }

  close(): void {
    this.#wake.close()
    this.#shared.close()
  }
}

function keysOf(name: string): string[] {
  return [`${name}:bodies`, `${name}:states`, `${name}:waiting`, `${name}:leased`]
}

function channelOf(name: string): string {
  return `${name}:pushes`
}

function parseLease(lease: string): [id: string, token: string] {
  const dot = lease.indexOf('.')
  if (dot < 1) throw new UnmoorError('InvalidArgument', `"${lease}" is not a lease of this driver.`)
  return [lease.slice(dot + 1), lease.slice(0, dot)]
}

/**
 * Packs a queue message's body for Redis: j or b, then the bytes. The server puts the time before it, 8
 * bytes.
 */
function packBody(contentType: QueueOutgoing['contentType'], body: string | Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.from(contentType === 'json' ? 'j' : 'b'),
    typeof body === 'string' ? Buffer.from(body) : body,
  ])
}

function unpackMessage(packed: Buffer): Pick<QueueIncoming, 'contentType' | 'body' | 'timestamp'> {
  const timestamp = packed.readDoubleBE(0)
  if (packed[8] === 0x6a) return { contentType: 'json', body: packed.toString('utf8', 9), timestamp }
  return { contentType: 'bytes', body: new Uint8Array(packed.subarray(9)), timestamp }
}
