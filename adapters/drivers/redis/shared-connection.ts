import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { Connection } from './connection.ts'
import { checkDurability, type RedisDurability } from './durability.ts'
import type { RedisClient, RedisFactoryOptions, RedisSubscriber } from './server.ts'

/**
 * The connections that all queues of this process on one Redis server share: one for commands, and one that
 * hears pushes.
 */
export interface SharedConnection {
  readonly connection: Connection
  readonly pushes: Pushes
  /**
   * Checks the Redis server's durability again, for a binding that begins to use the shared connections.
   * @throws as {@link checkDurability}.
   */
  check(binding: string): Promise<void>
  /** Ends one use of the shared Redis connections; the last user closes both. */
  close(): void
}

interface Entry {
  shared: Promise<SharedConnection>
  users: number
}

const entries = new Map<string | RedisClient, Entry>()

/** Returns the shared connections to the Redis server of these options. */
export async function shareConnection(
  options: RedisFactoryOptions,
  context: DriverContext,
  durability: RedisDurability,
): Promise<SharedConnection> {
  const key = options.client ?? keyOf(options, context, durability)
  const known = entries.get(key)
  if (known !== undefined) {
    known.users++
    return known.shared
  }
  const entry: Entry = { shared: open(options, context, durability, () => leave(key, entry)), users: 1 }
  entries.set(key, entry)
  // If a shared Redis connection cannot be opened, it is removed from the map, so that the next user opens a
  // new one.
  entry.shared.catch(() => leave(key, entry, Infinity))
  return entry.shared
}

function keyOf(
  { url, timeout, connectTimeout }: RedisFactoryOptions,
  context: DriverContext,
  durability: RedisDurability,
): string {
  return JSON.stringify([url ?? context.variable('REDIS_URL'), timeout, connectTimeout, durability])
}

/**
 * Lowers the user count of a shared Redis connection by `users`. If nobody is left, forgets the connection
 * and returns true.
 */
function leave(key: string | RedisClient, entry: Entry, users = 1): boolean {
  entry.users -= users
  if (entry.users > 0) return false
  if (entries.get(key) === entry) entries.delete(key)
  return true
}

async function open(
  options: RedisFactoryOptions,
  context: DriverContext,
  durability: RedisDurability,
  isLast: () => boolean,
): Promise<SharedConnection> {
  const connection = await Connection.create(options, context, {
    prepare: (client, name) => checkDurability(client, name, durability, context.binding),
  })
  const pushes = new Pushes(connection)
  return {
    connection,
    pushes,
    check(binding) {
      const client = {
        callBuffer: (command: string, args: (string | Buffer)[]) => connection.read(command, ...args),
      }
      return checkDurability(client, connection.name, durability, binding)
    },
    close() {
      if (!isLast()) return
      pushes.close()
      connection.close()
    },
  }
}

/**
 * Listener of one Redis channel: hears published messages (pushes), and the loss of the connection, which may
 * have lost pushes.
 */
export interface Listener {
  pushed(): void
  lost(): void
}

/**
 * Subscriptions to Redis channels on one connection, which is opened for the first channel and again after a
 * loss.
 */
export class Pushes {
  #connection: Connection
  #subscriber: Promise<RedisSubscriber> | undefined
  #listeners = new Map<string, Set<Listener>>()
  #closed = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Resolves when the listener will hear pushes on the Redis channel. Rejects if the connection fails. */
  async listen(channel: string, listener: Listener): Promise<void> {
    const subscriber = await this.#open()
    await this.#connection.subscribe(subscriber, channel)
    const listeners = this.#listeners.get(channel) ?? new Set()
    this.#listeners.set(channel, listeners.add(listener))
    // If the Redis connection was lost while the subscription was being made, the listener is told at once.
    if (this.#subscriber === undefined || (await this.#subscriber) !== subscriber) listener.lost()
  }

  forget(channel: string, listener: Listener): void {
    this.#listeners.get(channel)?.delete(listener)
  }

  #open(): Promise<RedisSubscriber> {
    const opening = (this.#subscriber ??= this.#connection
      .openSubscriber(
        (channel) => {
          for (const listener of this.#listeners.get(channel) ?? []) listener.pushed()
        },
        () => this.#lost(opening),
      )
      .then((subscriber) => {
        if (this.#closed) subscriber.disconnect()
        return subscriber
      }))
    opening.catch(() => this.#lost(opening))
    return opening
  }

  #lost(subscriber: Promise<RedisSubscriber>): void {
    if (this.#subscriber !== subscriber) return
    this.#subscriber = undefined
    const listeners = [...this.#listeners.values()].flatMap((set) => [...set])
    this.#listeners.clear()
    for (const listener of listeners) listener.lost()
  }

  close(): void {
    this.#closed = true
    void this.#subscriber?.then(
      (subscriber) => subscriber.disconnect(),
      () => {},
    )
  }
}
