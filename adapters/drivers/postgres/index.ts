/** Drivers on Postgres, through the `postgres` package (postgres.js). */
export { blob } from './blob.ts'
export { counter } from './counter.ts'
export { kv } from './kv.ts'
export type { PostgresBlobOptions, PostgresOptions, PostgresStoreOptions } from './options.ts'
export { queue } from './queue.ts'
export { sockets, ticketedSockets } from './sockets.ts'
export { sql } from './sql.ts'
export { strongKv } from './strong-kv.ts'
