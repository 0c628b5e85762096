import process from 'node:process'
import { createHash } from 'node:crypto'
import type { Redis } from 'iovalkey'
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { isNotSent, toUnmoorError } from './errors.ts'
import {
  type RedisClient,
  type RedisFactoryOptions,
  type RedisSubscriber,
  server,
  type Server,
} from './server.ts'

/** A Lua script for Redis whose text is sent once, and from then on its hash. */
export interface Script {
  readonly text: string
  readonly sha: string
  /**
   * True if the Redis script changes anything. A script that only reads is sent again after a lost
   * connection.
   */
  readonly write: boolean
}

/** Builds a Lua script; `KEYS` and `ARGV` are those of Redis. */
export function script(text: string, { write }: { write: boolean }): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex'), write }
}

/**
 * Function that checks the Redis server on a new connection, called with the connected client and the
 * server's name.
 */
type Prepare = (client: RedisClient, name: string) => Promise<void>

/** Maximum tries of a Redis read whose connection is lost, and of a write that was not sent. */
const TRIES = 3

/**
 * A Redis connection that is opened for the first command, and again for the first one after a loss. Reads
 * that a loss cuts off are repeated, writes are not: they fail with `mayHaveApplied`.
 */
export class Connection {
  readonly name: string
  #server: Server | undefined
  #given: RedisClient | undefined
  #live: Redis | undefined
  #connecting: Promise<Redis> | undefined
  #closed = false
  #prepare: Prepare
  #prepared: Promise<void> | undefined

  private constructor(of: Server | RedisClient, prepare: Prepare) {
    if ('open' in of) this.#server = of
    else this.#given = of
    this.name = this.#server?.name ?? 'the given client'
    this.#prepare = prepare
  }

  /**
   * Creates a Redis connection. `prepare` checks the server on each new connection, before the first command
   * of a driver; an error of `prepare` fails that command. Default: no check.
   */
  static async create(
    options: RedisFactoryOptions,
    context: DriverContext,
    { prepare = async () => {}, seconds }: { prepare?: Prepare; seconds?: number } = {},
  ): Promise<Connection> {
    return new Connection(options.client ?? (await server(options, context, { seconds })), prepare)
  }

  /** Sends a Redis command that changes nothing; strings in the answer are Buffers. */
  read(command: string, ...args: (string | Buffer)[]): Promise<unknown> {
    return this.#call(command, args, false)
  }

  write(command: string, ...args: (string | Buffer)[]): Promise<unknown> {
    return this.#call(command, args, true)
  }

  /** Runs a Lua script on Redis by its hash. */
  async run(
    { text, sha, write }: Script,
    keys: readonly string[],
    args: readonly (string | Buffer | number)[],
  ): Promise<unknown> {
    const rest = [
      String(keys.length),
      ...keys,
      ...args.map((arg) => (typeof arg === 'number' ? String(arg) : arg)),
    ]
    try {
      return await this.#call('EVALSHA', [sha, ...rest], write)
    } catch (error) {
      // NOSCRIPT: the Redis server has restarted, or never received the script, so the script's text is sent.
      if (
        !(
          error instanceof UnmoorError &&
          error.cause instanceof Error &&
          error.cause.message.startsWith('NOSCRIPT')
        )
      )
        throw error
      return this.#call('EVAL', [text, ...rest], write)
    }
  }

  /**
   * Opens another Redis connection that receives what is published on channels; `onEnd` is called when it is
   * lost.
   */
  async openSubscriber(
    onMessage: (channel: string, message: string) => void,
    onEnd: () => void,
  ): Promise<RedisSubscriber> {
    const subscriber: RedisSubscriber = this.#given?.duplicate() ?? (await this.#open())
    subscriber.on('error', () => {})
    subscriber.on('message', onMessage)
    subscriber.on('end', onEnd)
    return subscriber
  }

  /** Subscribes to a Redis channel; closes a connection that cannot subscribe. */
  async subscribe(subscriber: RedisSubscriber, channel: string): Promise<void> {
    try {
      await subscriber.subscribe(channel)
    } catch (error) {
      subscriber.disconnect()
      throw toUnmoorError(error, this.name, undefined)
    }
  }

  close(): void {
    this.#closed = true
    this.#live?.disconnect()
  }

  async #call(command: string, args: (string | Buffer)[], write: boolean): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      const client = this.#live?.status === 'ready' ? this.#live : await this.#client()
      try {
        if (client === this.#live) gather(this.#live)
        return await client.callBuffer(command, args)
      } catch (error) {
        // The Redis connection had already ended, so the write was not sent and may be repeated.
        if (isNotSent(error) && client !== this.#given && attempt < TRIES) {
          this.#drop(client)
          continue
        }
        const mapped = toUnmoorError(error, this.name, { write })
        if (mapped.code === 'Timeout' || isReadOnly(error)) this.#drop(client)
        if (write || mapped.code !== 'Unavailable' || !mapped.retryable || attempt === TRIES) throw mapped
        if (attempt > 1) await new Promise((resolve) => setTimeout(resolve, Math.random() * 200))
      }
    }
  }

  /**
   * Drops a Redis connection that cannot be used any more. After a timeout, later answers would wait behind
   * the missing one, since answers come in order. After a read-only error, the server is now a replica and
   * stays one.
   */
  #drop(client: Redis | RedisClient): void {
    if (client !== this.#live) return
    this.#live.disconnect()
    this.#live = undefined
  }

  async #client(): Promise<RedisClient> {
    if (this.#given === undefined) return this.#live?.status === 'ready' ? this.#live : this.#connect()
    this.#prepared ??= this.#prepareClient(this.#given)
    try {
      await this.#prepared
    } catch (error) {
      this.#prepared = undefined
      throw error
    }
    return this.#given
  }

  /** Opens a Redis connection. Concurrent callers share one attempt. */
  #connect(): Promise<Redis> {
    this.#connecting ??= this.#open()
      .then(async (client) => {
        try {
          await this.#prepareClient(client)
        } catch (error) {
          client.disconnect()
          throw error
        }
        this.#live = client
        return client
      })
      .finally(() => (this.#connecting = undefined))
    return this.#connecting
  }

  async #prepareClient(client: RedisClient): Promise<void> {
    try {
      await this.#prepare(client, this.name)
    } catch (error) {
      throw toUnmoorError(error, this.name, undefined)
    }
  }

  async #open(): Promise<Redis> {
    if (this.#closed)
      throw new UnmoorError('Unavailable', `Redis (${this.name}): the driver is closed.`, {
        retryable: false,
      })
    const client = (this.#server as Server).open()
    let refused: Error | undefined
    client.on('error', (error) => (refused ??= error))
    try {
      await client.connect()
      // If the Redis database number does not exist, the client reports an error but stays connected to
      // database 0.
      if (refused !== undefined) throw refused
    } catch (error) {
      client.disconnect()
      throw toUnmoorError(refused ?? error, this.name, undefined)
    }
    if (!this.#closed) return client
    client.disconnect()
    return this.#open()
  }
}

/**
 * Sends the Redis commands of one event-loop turn together: a write to the socket costs more than all the
 * rest of a small command.
 */
function gather({ stream }: Redis): void {
  // The Redis client has no stream between two connections, contrary to its type.
  const socket = stream as typeof stream | undefined
  if (socket === undefined || socket.writableCorked > 0) return
  socket.cork()
  process.nextTick(() => socket.uncork())
}

function isReadOnly(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('READONLY')
}
