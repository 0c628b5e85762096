/** SQL on Postgres, through the `postgres` package (postgres.js). */
export type { PostgresOptions } from './connect.ts'
export { sql } from './sql.ts'
