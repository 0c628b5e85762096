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
   * Postgres URL: `postgres://user:password@host:5432/database`, with `?sslmode=require` for TLS. Default:
   * the variable DATABASE_URL.
   */
  url?: string
  /** Maximum number of Postgres connections of this process. Default: 10. */
  max?: number
  /**
   * Postgres schema for the tables, first in the search path; migrations create it. Default: the user's own
   * search path.
   */
  schema?: string
  /**
   * If true, Postgres statements are prepared once per connection. Set it to false behind a pooler that
   * shares connections between transactions (PgBouncer with `pool_mode = transaction`; from 1.21 on it may
   * stay true if `max_prepared_statements` is set). Default: true.
   */
  prepare?: boolean
  /** Seconds to wait for a connection to Postgres. Default: 10. */
  connectTimeout?: number
  /** Seconds until an unused Postgres connection is closed. Default: never. */
  idleTimeout?: number
}

/**
 * Options of bindings on Postgres.
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
   * Seconds after which a Postgres statement, a batch, or one step of a transaction fails with `Timeout`.
   * Migrations may take longer. Default: 30; counters: 2.
   */
  timeout?: number
}

/**
 * Options of blobs that have their metadata in Postgres.
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
   * Storage of the bytes of blobs: a folder that every process can reach (`{ driver: 'fs', path: '/srv/blobs'
   * }`), or a bucket (`{ driver: 's3', bucket: 'blobs' }`), with the options of those drivers. Default: the
   * folder `APP/blob-NAME` in the data folder.
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

/**
 * Types of the fields of `bytes`, the option of Postgres blobs: those of the fs and of the s3 driver
 * together. The driver that `bytes` names refuses options of the other one.
 */
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
