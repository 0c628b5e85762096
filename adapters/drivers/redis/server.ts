import type { Redis } from 'iovalkey'
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { toMilliseconds } from '../shared/timeout.ts'
import type { RedisOptions } from './options.ts'

/** Options of every redis driver when it is created from code. */
export interface RedisFactoryOptions extends RedisOptions {
  /**
   * An existing Redis client to use, connected, with its own timeouts and reconnection; the driver does not
   * close it. Default: none.
   */
  client?: RedisClient
}

/** The methods of a Redis client that the drivers use; Redis of iovalkey and of ioredis has them. */
export interface RedisClient {
  callBuffer(command: string, args: (string | Buffer)[]): Promise<unknown>
  /** Returns another connection to the same Redis server, on which the driver can subscribe. */
  duplicate(): RedisSubscriber
}

/** A separate Redis connection that subscribes to channels. */
export interface RedisSubscriber {
  subscribe(channel: string): Promise<unknown>
  on(event: 'message' | 'error' | 'end', listener: (channel: string, message: string) => void): unknown
  disconnect(): void
}

/** A Redis server that is not connected yet. */
export interface Server {
  /** Host, port and database of the Redis server without the password, for error messages. */
  readonly name: string
  /**
   * Opens a Redis connection without automatic reconnection: each loss is then noticed, and nothing is sent
   * twice.
   */
  open(): Redis
}

/**
 * Reads the options of a Redis server, without connecting yet.
 *
 * @throws `NotFound` if no url is set or the client package is not installed, `InvalidArgument` for an
 * invalid url.
 */
export async function server(
  options: RedisOptions,
  context: DriverContext,
  defaults: { seconds?: number | undefined } = {},
): Promise<Server> {
  const { binding } = context
  const connectTimeout = toMilliseconds(
    options.connectTimeout ?? defaults.seconds ?? 10,
    'connectTimeout',
    binding,
  )
  const commandTimeout = toMilliseconds(options.timeout ?? defaults.seconds ?? 30, 'timeout', binding)
  const text = options.url ?? context.variable('REDIS_URL')
  if (text === undefined)
    throw startError(
      'NotFound',
      binding,
      'set REDIS_URL to the server, such as redis://user:password@host:6379/0.',
    )
  const url = parseUrl(text, binding)
  const { Redis } = await load(binding)
  return {
    name: `${url.host}${url.pathname === '/' ? '' : url.pathname}`,
    open: () =>
      new Redis(url.href, {
        lazyConnect: true,
        retryStrategy: () => null,
        enableOfflineQueue: false,
        autoResendUnfulfilledCommands: false,
        autoResubscribe: false,
        connectTimeout,
        commandTimeout,
        keepAlive: 10_000,
        connectionName: 'unmoor',
      }),
  }
}

/**
 * Common prefix of the Redis keys of one binding or app. The names are in braces, so that a cluster keeps the
 * keys on one node, where one script can reach them all.
 */
export function keyPrefix(options: RedisOptions, ...names: string[]): string {
  return `${options.prefix ?? 'unmoor'}:{${names.map((name) => encodeURIComponent(name)).join('/')}}`
}

function startError(
  code: 'NotFound' | 'InvalidArgument',
  binding: string,
  text: string,
  cause?: unknown,
): UnmoorError {
  return new UnmoorError(code, `Binding "${binding}": ${text}`, { binding, operation: 'start', cause })
}

function parseUrl(text: string, binding: string): URL {
  try {
    const url = new URL(text.replace(/^valkey(s?):/, 'redis$1:'))
    if (
      (url.protocol === 'redis:' || url.protocol === 'rediss:') &&
      url.host !== '' &&
      /^(\/\d*)?$/.test(url.pathname)
    )
      return url
  } catch {
    // The error of the Redis client is dropped, because its message would print the url with the password.
  }
  throw startError(
    'InvalidArgument',
    binding,
    'the redis driver needs a "url" such as redis://user:password@host:6379/0.',
  )
}

async function load(binding: string): Promise<{ Redis: typeof Redis }> {
  try {
    return await import('iovalkey')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw startError(
      'NotFound',
      binding,
      'it uses the redis driver, whose client is not installed. Run: npm install iovalkey',
      error,
    )
  }
}
