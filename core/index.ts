export { defineApp } from './app.ts'
export type { App, AppOptions, Cron, CronEvent, CronHandler, FetchHandler, QueueHandler } from './app.ts'
export { defineBindings, assets, blob, cache, kv, queue, secret, service, sql, variable } from './bindings/declarations.ts'
export type { Bindings, BindingKind, Declaration, Env, QueueOptions, SqlOptions } from './bindings/declarations.ts'
export type { Assets } from './bindings/assets.ts'
export type { BlobGetOptions, BlobList, BlobListOptions, BlobPutOptions, BlobStore } from './bindings/blob.ts'
export type { BlobPut, Blobs } from './deprecated.ts'
export type { BlobInfo, BlobObject } from './bindings/blob-object.ts'
export type { BlobPart, BlobUpload } from './bindings/blob-upload.ts'
export type { Cache } from './bindings/cache.ts'
export type { Kv, KvKey, KvList, KvListOptions, KvWithMetadata } from './bindings/kv.ts'
export type { KvPutOptions, KvType } from './bindings/kv-value.ts'
export type { KvCondition, KvUpdateOptions, KvVersioned, StrongKv } from './bindings/strong-kv.ts'
export type { Queue, QueueBatch, QueueMessage, QueueSendOptions, QueueSendRequest } from './bindings/queue.ts'
export type { Secret } from './bindings/secret.ts'
export type { Service } from './bindings/service.ts'
export type { Sql, SqlRawResult, SqlRow, SqlRunResult, SqlSession, SqlStatement, SqlTransaction, SqlValue, TransactionOptions } from './bindings/sql.ts'
export type { SqlDialect } from './bindings/drivers.ts'
export { CAPABILITIES, type Capabilities, type Capability } from './capabilities.ts'
export {
  defineConfig,
  type AnyConfig,
  type AnyTargetConfig,
  type Config,
  type DriverConfig,
  type DriverOptions,
  type EnvValue,
  type ModuleName,
  type TargetConfig,
} from './config.ts'
// Augmentations of a package reach only what is exported with a star.
export type * from './config-maps.ts'
export type * from '../adapters/config-maps.ts'
export type { Context } from './context.ts'
export { isUnmoorError, UnmoorError, type ErrorCode, type ErrorDetails } from './errors.ts'
export { LIMITS, type LimitName } from './limits.ts'
export type { Manifest } from './manifest.ts'
