/**
 * Embedded drivers on node:sqlite, without anything to install. Several processes may share the files; they
 * must be on a local file system (WAL).
 */
export { kv } from './kv.ts'
export { objects } from './objects.ts'
export type { SqliteOptions, SqliteSqlOptions } from './options.ts'
export { queue } from './queue.ts'
export { sql } from './sql.ts'
export { strongKv } from './strong-kv.ts'
