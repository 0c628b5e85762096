/**
 * Drivers that keep everything in this process: for tests, and as the reference of what each kind of binding
 * does. The memory cache is also the default cache of every Node target.
 */
export { blob } from './blob.ts'
export { cache } from './cache.ts'
export { counter } from './counter.ts'
export { kv, strongKv } from './kv.ts'
export type { MemoryCacheOptions, MemoryOptions } from './options.ts'
export { queue } from './queue.ts'
export { sockets, ticketedSockets } from './sockets.ts'
