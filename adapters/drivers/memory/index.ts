/**
 * Drivers that keep everything in this process: for tests, and the reference of what each kind does. The
 * cache is also every Node target's own.
 */
export { blob } from './blob.ts'
export { cache } from './cache.ts'
export { counter } from './counter.ts'
export { kv, strongKv } from './kv.ts'
export type { MemoryCacheOptions, MemoryOptions } from './options.ts'
export { queue } from './queue.ts'
export { sockets, ticketedSockets } from './sockets.ts'
