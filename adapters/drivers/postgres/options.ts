import {
  type DriverOptionTables,
  type OptionTable,
  type OptionType,
  TIMEOUT,
} from '../../../core/option-table.ts'
import { type FsOptions, fsOptions } from '../fs/options.ts'
import { type S3Options, s3Options } from '../s3/options.ts'

/** Options of the postgres driver. */
export interface PostgresOptions {
  /**
   * `postgres://user:password@host:5432/database`, with `?sslmode=require` for TLS. Default: the variable
   * DATABASE_URL.
   */
  url?: string
  /** Most connections of this process. Default: 10. */
  max?: number
  /**
   * Schema for the tables, first in the search path; migrations make it. Default: the user's own search path.
   */
  schema?: string
  /**
   * If true, statements are prepared once per connection. Turn it off behind a pooler that hands a connection
   * round between transactions (PgBouncer with `pool_mode = transaction`; from 1.21 on it may stay on where
   * `max_prepared_statements` is set). Default: true.
   */
  prepare?: boolean
  /** Seconds to wait for a connection. Default: 10. */
  connectTimeout?: number
  /** Seconds until an unused connection is closed. Default: never. */
  idleTimeout?: number
}

/**
 * Options of the bindings.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { db: { driver: 'postgres', url: { env: 'DATABASE_URL' }, max: 20, timeout: 10 } },
 * })
 * ```
 */
export interface PostgresStoreOptions extends PostgresOptions {
  /**
   * Seconds until a statement, a batch, or one step of a transaction is given up as `Timeout`. Migrations may
   * take longer. Default: 30; counts: 2.
   */
  timeout?: number
}

/**
 * Options of blobs with their metadata in Postgres.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { photos: { driver: 'postgres', bytes: { driver: 's3', bucket: 'photos' } } },
 * })
 * ```
 */
export interface PostgresBlobOptions extends PostgresStoreOptions {
  /**
   * Where the bytes are: a folder that every process sees (`{ driver: 'fs', path: '/srv/blobs' }`), or a
   * bucket (`{ driver: 's3', bucket: 'blobs' }`), with the options of those drivers. Default: the folder
   * `APP/blob-NAME` in the data folder.
   */
  bytes?: ({ driver: 'fs' } & FsOptions) | ({ driver: 's3' } & S3Options)
}

const connection = {
  url: 'string',
  max: { number: 'connections', min: 1, whole: true },
  schema: 'string',
  prepare: 'boolean',
  connectTimeout: TIMEOUT,
  idleTimeout: { number: 'seconds' },
} satisfies OptionTable<PostgresOptions>

const store = { ...connection, timeout: TIMEOUT } satisfies OptionTable<PostgresStoreOptions>

/** Options of both places that bytes can be in; the driver itself refuses one of the other place. */
const bytes: Readonly<Record<string, OptionType>> = { driver: ['fs', 's3'], ...fsOptions, ...s3Options }

export const options = {
  sql: store,
  kv: store,
  strongKv: store,
  queue: store,
  counter: store,
  sockets: store,
  ticketedSockets: store,
  blob: { ...store, bytes: { options: bytes } } satisfies OptionTable<PostgresBlobOptions>,
  cronStore: connection,
} satisfies DriverOptionTables
