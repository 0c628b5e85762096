import type { DriverOptionTables, OptionTable } from '../../../core/option-table.ts'

/** Options of the memory drivers that hold data. */
export interface MemoryOptions {
  /**
   * Start of the name of every memory store, which separates stores of one process in tests. Default: none.
   */
  prefix?: string
  /** Old name of the memory driver's `prefix`. @deprecated Since 0.2: use `prefix`. */
  namespace?: string
}

/**
 * Options of the memory cache.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { pages: { driver: 'memory', maxBytes: 8 * 1024 * 1024 } },
 * })
 * ```
 */
export interface MemoryCacheOptions {
  /**
   * Maximum bytes of all bodies and headers in the memory cache. Beyond it, the least recently used answers
   * are evicted. Default: 64 MiB.
   */
  maxBytes?: number
}

const store = { prefix: 'string', namespace: { renamed: 'prefix' } } satisfies OptionTable<MemoryOptions>

export const options = {
  kv: store,
  strongKv: store,
  blob: store,
  queue: store,
  cache: { maxBytes: { number: 'bytes' } } satisfies OptionTable<MemoryCacheOptions>,
  counter: {},
  sockets: {},
  ticketedSockets: {},
  cronStore: {},
} satisfies DriverOptionTables
