/**
 * The portable class of each kind, with one export for each, so that a bundle keeps only the classes that its
 * app declares. Generated entries import them from `unmoor/runtime`, beside the drivers.
 */
import { type Assets, createAssets } from './assets.ts'
import { BlobStore } from './blob.ts'
import { Cache } from './cache.ts'
import { Counter } from './counter.ts'
import type {
  QueueDeclaration,
  SecretDeclaration,
  SocketsDeclaration,
  SqlDeclaration,
} from './declarations.ts'
import type { DriverContext, DriverOf } from './drivers.ts'
import { Kv } from './kv.ts'
import { createBatch, Queue } from './queue.ts'
import { Secret } from './secret.ts'
import { Service } from './service.ts'
import type { SocketMessage, SocketTransportFactory } from './socket-transport.ts'
import { Sockets } from './sockets.ts'
import { Sql } from './sql.ts'
import { StrongKv } from './strong-kv.ts'
import { UnmoorError } from '../errors.ts'

/** Parts that a target passes to its bindings beside their drivers. */
export interface TargetParts {
  /**
   * Creates the transport that holds the connections of a sockets binding. Default: none, and an app cannot
   * declare sockets.
   */
  readonly sockets?: SocketTransportFactory | undefined
}

/** Creates from a driver the portable object that `env` holds. */
export interface Portable<Kind extends keyof DriverOf = keyof DriverOf> {
  // `create` is a method and not a property, so that TypeScript accepts the portable class of one kind of
  // binding as a `Portable` of any kind.
  create(
    driver: DriverOf[Kind],
    context: Pick<DriverContext, 'app' | 'binding' | 'declaration' | 'now'>,
    target?: TargetParts,
  ): unknown
  /** Queues only: wraps delivered messages for the queue's handler. @internal */
  readonly createBatch?: typeof createBatch
}

/** Creates a `Kv` over a driver of the kind `kv`. */
export const portableKv: Portable<'kv'> = {
  create: (driver, { binding, now }) => new Kv(driver, { binding, now }),
}
/** Creates a `StrongKv` over a driver of the kind `strongKv`. */
export const portableStrongKv: Portable<'strongKv'> = {
  create: (driver, { binding, now }) => new StrongKv(driver, { binding, now }),
}
/** Creates a `BlobStore` over a driver of the kind `blob`. */
export const portableBlob: Portable<'blob'> = {
  create: (driver, { binding }) => new BlobStore(driver, { binding }),
}
/** Creates a `Sql` over a driver of the kind `sql`. */
export const portableSql: Portable<'sql'> = {
  create: (driver, { binding, declaration }) =>
    new Sql(driver, { binding, checks: (declaration as SqlDeclaration).checks }),
}
/** Creates a `Queue` over a driver of the kind `queue`. */
export const portableQueue: Portable<'queue'> = {
  create: (driver, { binding, declaration }) =>
    new Queue(driver, { binding, maxDelay: (declaration as QueueDeclaration).maxDelay }),
  createBatch,
}
/** Creates a `Cache` over a driver of the kind `cache`. */
export const portableCache: Portable<'cache'> = {
  create: (driver, { binding }) => new Cache(driver, { binding }),
}
/** Creates a `Secret` over a driver of the kind `secret`. */
export const portableSecret: Portable<'secret'> = {
  create: (driver, { binding, declaration }) =>
    new Secret(driver, { binding, optional: (declaration as SecretDeclaration).optional }),
}
/** Creates a `Service` over a driver of the kind `service`. */
export const portableService: Portable<'service'> = {
  create: (driver, { binding }) => new Service(driver, { binding }),
}
/** Creates the storage of an existing Worker's Durable Objects over a driver of the kind `objects`. */
export const portableObjects: Portable<'objects'> = {
  create: (driver) => ({ query: driver.query.bind(driver), rollBack: () => driver.rollBack?.() }),
}
/** Creates the counts of an existing Worker's rate limits over a driver of the kind `counter`. */
export const portableCounter: Portable<'counter'> = {
  create: (driver, { binding, now }) => new Counter(driver, { binding, now }),
}
/** Creates {@link Assets} over a driver of the kind `assets`. */
export const portableAssets: Portable<'assets'> = { create: (driver): Assets => createAssets(driver) }

const createSockets: Portable<'sockets'>['create'] = (driver, context, { sockets } = {}) => {
  const { binding } = context
  const declaration = context.declaration as SocketsDeclaration<unknown, SocketMessage>
  if (sockets === undefined)
    throw new UnmoorError('Unsupported', `Binding "${binding}": this target holds no sockets.`, {
      binding,
      operation: 'start',
      details: { capability: 'sockets' },
    })
  return new Sockets(sockets({ ...context, declaration }, driver), { binding, declaration })
}

/** Creates `Sockets` over the transport of a target. */
export const portableSockets: Portable<'sockets'> = { create: createSockets }
/** Creates `Sockets` whose driver also stores tickets. */
export const portableTicketedSockets: Portable<'ticketedSockets'> = { create: createSockets }
