/** Embedded storage on node:sqlite: nothing to install. Several processes may share the files; they must be on a local file system (WAL). */
export { kv } from './kv.ts'
export type { SqliteOptions } from './open.ts'
export { objects } from './objects.ts'
export { queue } from './queue.ts'
export { sql, type SqliteSqlOptions } from './sql.ts'
export { strongKv } from './strong-kv.ts'
