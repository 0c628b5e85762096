import { type DriverOptionTables, type OptionTable, TIMEOUT } from '../../../core/option-table.ts'

/**
 * Options of every redis driver in a config.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { links: { driver: 'redis', url: { env: 'REDIS_URL' }, prefix: 'shop-staging' } },
 * })
 * ```
 */
export interface RedisOptions {
  /**
   * Redis URL: `redis://user:password@host:6379/0`, `rediss://` for TLS, or `valkey://`. Default: the
   * variable REDIS_URL.
   */
  url?: string
  /** Start of every Redis key, which separates stages on one server. Default: `unmoor`. */
  prefix?: string
  /** Seconds to wait for a connection to Redis, at most 900. Default: 10; caches and counters: 1. */
  connectTimeout?: number
  /**
   * Seconds to wait for an answer of Redis, at most 900, after which the connection is opened anew. Default:
   * 30; caches and counters: 1.
   */
  timeout?: number
}

/** Options of a redis cache. */
export interface RedisCacheOptions extends RedisOptions {
  /** Maximum bytes of a body that the Redis cache stores. Default: 25 MiB. */
  maxBytes?: number
}

/**
 * Options of a redis queue.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { clicks: { driver: 'redis', durability: 'append-only' } },
 * })
 * ```
 */
export interface RedisQueueOptions extends RedisOptions {
  /**
   * Required durability of queue messages in Redis. `memory` accepts a server without the append-only file,
   * which loses all messages when it restarts. Default: `append-only`, and the queue refuses to start on such
   * a server.
   */
  durability?: 'append-only' | 'memory'
}

const connection = {
  url: 'string',
  prefix: 'string',
  connectTimeout: TIMEOUT,
  timeout: TIMEOUT,
} satisfies OptionTable<RedisOptions>

export const options = {
  kv: connection,
  strongKv: connection,
  cache: { ...connection, maxBytes: { number: 'bytes' } } satisfies OptionTable<RedisCacheOptions>,
  queue: { ...connection, durability: ['append-only', 'memory'] } satisfies OptionTable<RedisQueueOptions>,
  counter: connection,
  sockets: connection,
  ticketedSockets: connection,
  cronStore: connection,
} satisfies DriverOptionTables
