/** SQL, KV, blobs and queues on Postgres, through the `postgres` package (postgres.js). */
export { blob, type PostgresBlobOptions } from './blob.ts'
export type { PostgresOptions } from './connect.ts'
export type { PostgresStoreOptions } from './database.ts'
export { kv } from './kv.ts'
export { queue } from './queue.ts'
export { sql } from './sql.ts'
export { strongKv } from './strong-kv.ts'
