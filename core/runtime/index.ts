/**
 * `unmoor/runtime`: the parts of which a target's run-time half consists. It uses web standards only;
 * third-party adapters use it too.
 */
export {
  createContext,
  type ClientSource,
  type Context,
  type ContextOptions,
  type OwnedContext,
} from '../context.ts'
export { setDefaultVariables } from './default-variables.ts'
export {
  consumedQueues,
  consumeQueues,
  type ConsumedQueue,
  type ConsumerOptions,
  type Consumers,
} from './queue-consumer.ts'
export {
  createRuntime,
  internalError,
  type BoundDriver,
  type Runtime,
  type RuntimeOptions,
} from './runtime.ts'
export {
  portableAssets,
  portableBlob,
  portableCache,
  portableCounter,
  portableKv,
  portableObjects,
  portableQueue,
  portableSecret,
  portableService,
  portableSockets,
  portableSql,
  portableStrongKv,
  portableTicketedSockets,
  type Portable,
  type TargetParts,
} from '../bindings/portable.ts'
export { constantCase, driverKind } from '../bindings/declarations.ts'
export type * from '../bindings/drivers.ts'
export type {
  AcceptedSocket,
  SocketEvent,
  SocketMessage,
  SocketState,
  SocketTransport,
  SocketTransportFactory,
} from '../bindings/socket-transport.ts'
export { addTopic } from '../bindings/socket-checks.ts'
export { socketGone } from '../bindings/sockets.ts'
export { handlesSocketEvent, runSocketEvent, type SocketEventOptions } from './socket-events.ts'
export type {
  DriverOptionTables,
  NumberOption,
  OptionTable,
  OptionType,
  OptionTypeOf,
  RenamedOption,
  ValueTypeOf,
} from '../option-table.ts'
export {
  type AppliedMigration,
  migrate,
  type Migration,
  type MigrationRun,
  recordedMigrations,
  type RecordedMigrations,
} from '../bindings/migrations.ts'
export type { App } from '../app.ts'
export type { CronClaim, CronStore, CronStoreFactory, OpenCronTime } from './cron-store.ts'
export type { Manifest } from '../manifest.ts'
export type { TestChannel } from './test-channel.ts'
// TypeScript applies augmentations of the module `unmoor` only if its entry is part of the program. This
// import makes it so for code that imports `unmoor/runtime` alone.
export type { Drivers, Targets } from '../index.ts'
