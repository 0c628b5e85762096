/** Redis or Valkey, 6.2 or later, through the `iovalkey` package. */
export { cache, type RedisCacheOptions } from './cache.ts'
export type { RedisDurability } from './durability.ts'
export { kv, strongKv } from './kv.ts'
export { queue, type RedisQueueOptions } from './queue.ts'
export type { RedisClient, RedisOptions, RedisSubscriber } from './options.ts'
