export { defineApp } from './app.ts'
export type {
  App,
  AppHandlers,
  AppOptions,
  CheckedFetch,
  Cron,
  CronEvent,
  CronHandler,
  ExpectedEnv,
  FetchHandler,
  QueueHandler,
  SocketHandlers,
} from './app.ts'
export {
  defineBindings,
  assets,
  blob,
  cache,
  kv,
  queue,
  secret,
  service,
  sql,
  variable,
} from './bindings/declarations.ts'
export { sockets } from './bindings/sockets-declaration.ts'
export type {
  AnyDeclaration,
  AssetsDeclaration,
  AssetsOptions,
  BindingKind,
  Bindings,
  BlobDeclaration,
  CacheDeclaration,
  Declaration,
  Env,
  KvDeclaration,
  KvOptions,
  QueueDeclaration,
  QueueNames,
  QueueOptions,
  SecretDeclaration,
  SecretOptions,
  ServiceDeclaration,
  ServiceOptions,
  SocketsDeclaration,
  SocketsNames,
  SocketsOptions,
  SqlDeclaration,
  SqlOptions,
  StrongKvDeclaration,
  VariableDeclaration,
  VariableOptions,
} from './bindings/declarations.ts'
export type { Assets } from './bindings/assets.ts'
export type {
  BlobCopyOptions,
  BlobGetOptions,
  BlobList,
  BlobListOptions,
  BlobPutOptions,
  BlobStore,
} from './bindings/blob.ts'
export type { BlobPut, Blobs } from './deprecated.ts'
export type { BlobInfo, BlobObject } from './bindings/blob-object.ts'
export type { BlobPart, BlobUpload } from './bindings/blob-upload.ts'
export type { BodyInput } from './bindings/bytes.ts'
export type { Cache } from './bindings/cache.ts'
export type { Kv, KvKey, KvList, KvListOptions, KvWithMetadata } from './bindings/kv.ts'
export type { KvPutOptions, KvType } from './bindings/kv-value.ts'
export type { KvCondition, KvUpdateOptions, KvVersioned, StrongKv } from './bindings/strong-kv.ts'
export type { NativeBinding } from './bindings/native.ts'
export type { Queue, QueueBatch, QueueMessage, QueueSendOptions, QueueSendRequest } from './bindings/queue.ts'
export type { Secret } from './bindings/secret.ts'
export type { Service } from './bindings/service.ts'
export type { SocketMessage } from './bindings/socket-transport.ts'
export type { AcceptOptions, Socket, SocketClose, Sockets, SocketUrlOptions } from './bindings/sockets.ts'
export type {
  Sql,
  SqlRawResult,
  SqlRow,
  SqlRunResult,
  SqlSession,
  SqlStatement,
  SqlTransaction,
  SqlValue,
  TransactionOptions,
} from './bindings/sql.ts'
export type { SqlCell, SqlDialect } from './bindings/drivers.ts'
export { CAPABILITIES, type Capabilities, type Capability } from './capabilities.ts'
export {
  defineConfig,
  type AnyConfig,
  type AnyEnvironmentConfig,
  type AnyTargetConfig,
  type BundleSettings,
  type RequestLog,
  type Config,
  type ConfigBase,
  type DeployConfig,
  type DriverConfig,
  type DriverOptions,
  type EnvironmentConfig,
  type EnvValue,
  type ModuleName,
  type NamedDriver,
  type OrEnv,
  type TargetConfig,
} from './config.ts'
// The maps of drivers and targets are exported with a star, because augmentations only reach star exports.
export type * from './config-maps.ts'
export type * from '../adapters/config-maps.ts'
export type { ClientInfo, TrustProxy } from './client.ts'
export type { DeployOptions, SmokeRequest } from './deploy.ts'
export type { Context } from './context.ts'
export {
  isUnmoorError,
  UnmoorError,
  type ErrorCode,
  type ErrorDetails,
  type SerializedError,
  type UnmoorErrorOptions,
} from './errors.ts'
export { LIMITS, type LimitName } from './limits.ts'
export type { Manifest } from './manifest.ts'
