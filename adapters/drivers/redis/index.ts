/** Redis or Valkey, 6.2 or later, through the `iovalkey` package. */
export { kv, strongKv } from './kv.ts'
export type { RedisClient, RedisOptions, RedisSubscriber } from './options.ts'
