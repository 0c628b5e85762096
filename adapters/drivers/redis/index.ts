/** Drivers on Redis or Valkey, 6.2 or later, through the `iovalkey` package. */
export { cache } from './cache.ts'
export { counter } from './counter.ts'
export type { RedisDurability } from './durability.ts'
export { kv, strongKv } from './kv.ts'
export { queue } from './queue.ts'
export type { RedisCacheOptions, RedisOptions, RedisQueueOptions } from './options.ts'
export { sockets, ticketedSockets } from './sockets.ts'
export type { RedisClient, RedisFactoryOptions, RedisSubscriber } from './server.ts'
