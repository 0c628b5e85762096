import { BUILT } from '../runtime/built.ts'
import { invalidArgument } from '../errors.ts'
import type { Assets } from './assets.ts'
import type { CounterDriver, ObjectsDriver } from './drivers.ts'
import type { BlobStore } from './blob.ts'
import type { Cache } from './cache.ts'
import type { Kv } from './kv.ts'
import type { Queue } from './queue.ts'
import type { Secret } from './secret.ts'
import type { Service } from './service.ts'
import type { SocketMessage } from './socket-transport.ts'
import type { Sockets } from './sockets.ts'
import type { StrongKv } from './strong-kv.ts'
import type { Sql } from './sql.ts'

export { assets, blob, cache, kv, queue, secret, service, sql, variable } from './declare.ts'

/** The kinds of resources that an app can declare. */
export type BindingKind =
  | 'kv'
  | 'blob'
  | 'sql'
  | 'queue'
  | 'cache'
  | 'secret'
  | 'variable'
  | 'service'
  | 'assets'
  | 'objects'
  | 'counter'
  | 'sockets'

/**
 * One declared binding. It is plain data, since it goes into the manifest, and its type carries what `env`
 * will hold.
 */
export interface Declaration<Kind extends BindingKind = BindingKind, Resource = unknown> {
  readonly kind: Kind
  /** Type-only property of a binding's declaration: the type of its resource. Never set at run time. */
  readonly '~resource'?: Resource
}

/** Options of the declaration `kv()` of a key-value store. */
export interface KvOptions {
  /**
   * Consistency of KV reads. `strong`: linearizable per key, with `putIf` and `update`. Default: `eventual`,
   * which the native store of every platform can keep.
   */
  consistency?: 'eventual' | 'strong'
}
/** The binding declaration that `kv()` returns. */
export interface KvDeclaration extends Declaration<'kv', Kv> {
  readonly consistency?: never
}
/** The binding declaration that `kv()` returns for `consistency: 'strong'`. */
export interface StrongKvDeclaration extends Declaration<'kv', StrongKv> {
  readonly consistency: 'strong'
}
/** The binding declaration that `blob()` returns. */
export interface BlobDeclaration extends Declaration<'blob', BlobStore> {}
/** The binding declaration that `cache()` returns. */
export interface CacheDeclaration extends Declaration<'cache', Cache> {}

/** Options of the declaration `sql()` of a database. */
export interface SqlOptions {
  /**
   * Folder with the `0001_name.sql` migrations of a database, relative to the project. If an engine needs a
   * text of its own, that text is in `0001_name.postgres.sql` beside it. Default: none.
   */
  migrations?: string
}
/** The binding declaration that `sql()` returns for a database. */
export interface SqlDeclaration extends Declaration<'sql', Sql>, Readonly<SqlOptions> {
  /**
   * Checks of SQL statements. `engine` lets the engine decide which statements are valid; for databases of
   * existing Workers only. Default: `portable`.
   */
  readonly checks?: 'portable' | 'engine'
}

/** Options of the declaration `queue()`: how messages are delivered to the app's consumer. */
export interface QueueOptions {
  /**
   * Number of deliveries of a queue message after the first failed one, 0 to 100. Then the message goes to
   * the dead-letter queue, or is dropped with a log line. Default: 3.
   */
  maxRetries?: number
  /** Name of another declared queue that takes messages whose retries are used up. Default: none. */
  deadLetterQueue?: string
  /** Seconds before a failed queue message is delivered again, 0 to 900. Default: 0. */
  retryDelay?: number
  /** Maximum number of queue messages in one batch, 1 to 100. Default: 10. */
  batchSize?: number
  /**
   * Seconds to wait for a batch of queue messages to fill, 0 to 60. Default: 0 (messages are delivered as
   * soon as there are any).
   */
  batchWait?: number
  /** Maximum number of queue batches that one process handles at once, 1 to 250. Default: 1. */
  maxConcurrency?: number
}
/**
 * The binding declaration that `queue()` returns, with the defaults filled in. `T` is the type of a message.
 */
export interface QueueDeclaration<T = unknown>
  extends Declaration<'queue', Queue<T>>, Readonly<Required<Omit<QueueOptions, 'deadLetterQueue'>>> {
  readonly deadLetterQueue?: string
  /**
   * Maximum delay of a queue message in seconds. For queues of existing Workers only; a driver refuses a
   * delay that it cannot keep. Default: the portable 900.
   */
  readonly maxDelay?: number
  /**
   * True in builds with the data route: the queue has the method of `core/runtime/operable-queue.ts`.
   * @internal
   */
  readonly operable?: true
}

/** Options of the declaration `secret()`. */
export interface SecretOptions {
  /** If true, the app starts without the secret, and `get()` then returns null. Default: false. */
  optional?: boolean
}
/**
 * The binding declaration that `secret()` returns. `Value` is the type of `get()`; it includes null for an
 * optional secret.
 */
export interface SecretDeclaration<Value extends string | null = string> extends Declaration<
  'secret',
  Secret<Value>
> {
  readonly optional: boolean
}

/** Options of the declaration `variable()` of a string setting. */
export interface VariableOptions {
  /**
   * Value of the variable if the target sets none. A variable without a default must be set, or the app does
   * not start.
   */
  default?: string
}
/** The binding declaration that `variable()` returns. */
export interface VariableDeclaration extends Declaration<'variable', string>, Readonly<VariableOptions> {}

/** Options of the declaration `service()` of another app. */
export interface ServiceOptions {
  /**
   * Name of the other app that a service binding calls (`name` in its unmoor.config.ts). An app can call
   * itself by its own name. Default: the binding's name.
   */
  app?: string
}
/** The binding declaration that `service()` returns. */
export interface ServiceDeclaration extends Declaration<'service', Service>, Readonly<ServiceOptions> {}

/** Options of the declaration `assets()` of static files. */
export interface AssetsOptions {
  /** Folder of static files to serve, relative to the project. */
  directory: string
  /**
   * Answer to a GET that matches no static file and no route: `none` (whatever the app answers), or
   * `single-page-application` (`/index.html`, 200). Default: `none`.
   */
  notFound?: 'none' | 'single-page-application'
}
/** The binding declaration that `assets()` returns, with the defaults filled in. */
export interface AssetsDeclaration extends Declaration<'assets', Assets>, Readonly<Required<AssetsOptions>> {
  /**
   * If true, every request goes to the app, which serves static files itself by `env.name.fetch`. For
   * existing Workers only. Default: false.
   */
  readonly appFirst?: boolean
}

/** Options of the declaration `sockets()` of WebSockets. */
export interface SocketsOptions {
  /**
   * Path to which WebSocket clients connect, such as `/chat`; clients can connect there only, on every
   * target. The fetch handler receives such a connection as a GET of this path, with the client's query.
   */
  path: string
  /**
   * Origins of pages that may open WebSockets besides those of the app's own host: `['https://example.com']`.
   * A page of another origin is refused with 403 before the app is called. Clients other than browsers send
   * no origin and are let in. Default: none.
   */
  origins?: readonly string[]
  /**
   * A WebSocket message and its automatic answer, such as `['ping', 'pong']`, with which clients keep their
   * connection alive. On targets with the capability `sockets.autoResponse` no handler runs for such a
   * message. Default: none.
   */
  autoResponse?: readonly [request: string, response: string]
  /**
   * If true, WebSocket messages may also be bytes, in both directions. A build for a target without the
   * capability `sockets.binary` is refused. Default: false, and a client that sends bytes is closed with
   * 1003.
   */
  binary?: boolean
  /**
   * If true, a WebSocket message may have up to 1 MiB. A build for a target without the capability
   * `sockets.largeMessages` is refused. Default: false, which allows 32,768 bytes.
   */
  largeMessages?: boolean
  /**
   * If true, `url(request, { ticket })` of a sockets binding creates tickets, by which a page authenticates
   * where its cookies are not sent. A build whose driver cannot store tickets is refused. Default: false.
   */
  tickets?: boolean
}
/**
 * The binding declaration that `sockets<Data>(options)` returns. `Data` is the type of `socket.data`;
 * `Message` is the type of a message: text, or text and bytes with `binary: true`.
 */
export interface SocketsDeclaration<
  Data = unknown,
  Message extends SocketMessage = string,
> extends Declaration<'sockets', Sockets<Data, Message>> {
  readonly path: string
  readonly origins: readonly string[]
  readonly autoResponse?: readonly [string, string]
  readonly binary?: true
  readonly largeMessages?: true
  readonly tickets?: true
}

/** Binding declaration of an existing Worker's Durable Object storage; portable apps do not declare it. */
export interface ObjectsDeclaration extends Declaration<'objects', Pick<ObjectsDriver, 'query'>> {}

/** Binding declaration of an existing Worker's rate-limit counts; portable apps do not declare it. */
export interface CounterDeclaration extends Declaration<'counter', Pick<CounterDriver, 'take'>> {}

/** Any declaration of a binding. */
export type AnyDeclaration =
  | KvDeclaration
  | StrongKvDeclaration
  | BlobDeclaration
  | CacheDeclaration
  | SqlDeclaration
  // oxlint-disable-next-line typescript/no-explicit-any -- unknown would refuse Queue<Click>
  | QueueDeclaration<any>
  | SecretDeclaration<string>
  | SecretDeclaration<string | null>
  | VariableDeclaration
  | ServiceDeclaration
  | AssetsDeclaration
  | ObjectsDeclaration
  | CounterDeclaration
  // oxlint-disable-next-line typescript/no-explicit-any -- unknown would refuse sockets<{ user: string }>
  | SocketsDeclaration<any, any>

/** The argument of {@link defineBindings}: the declarations of bindings by name. */
export type Bindings = Readonly<Record<string, AnyDeclaration>>

/** Type of the names of an app's queue bindings. */
export type QueueNames<B extends Bindings> = {
  [Name in keyof B]: B[Name] extends { kind: 'queue' } ? Name : never
}[keyof B]

/** Type of the names of an app's sockets bindings. */
export type SocketsNames<B extends Bindings> = {
  [Name in keyof B]: B[Name] extends { kind: 'sockets' } ? Name : never
}[keyof B]

/** The type of the `env` that handlers of an app with the bindings `B` receive. */
export type Env<B extends Bindings> = {
  readonly [Name in keyof B]: B[Name] extends Declaration<BindingKind, infer Resource> ? Resource : never
}

const NAME = /^[A-Za-z][A-Za-z0-9]*$/
/**
 * Matches names of an app's variables. Unlike other bindings, a variable may have the name that it has on the
 * platform, such as `API_URL`, since existing Workers name theirs so.
 */
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * Checks the names of the bindings and keeps their exact types. Names are letters and digits, such as
 * `adminToken`, and become CONSTANT_CASE on platforms.
 *
 * @throws `InvalidArgument` for a name that is not letters and digits, two names that are one in
 * CONSTANT_CASE, an undeclared dead-letter queue, and a second assets binding.
 *
 * @example
 * ```ts
 * import { defineBindings, kv, queue, secret, type Env } from 'unmoor'
 *
 * const bindings = defineBindings({
 *   links: kv(),
 *   clicks: queue<{ slug: string }>(),
 *   adminToken: secret(),
 * })
 * type AppEnv = Env<typeof bindings>
 * ```
 */
export function defineBindings<const B extends Bindings>(bindings: B): B {
  if (!BUILT) checkBindings(bindings)
  return bindings
}

function checkBindings(bindings: Bindings): void {
  const seen = new Map<string, string>()
  for (const [name, declaration] of Object.entries(bindings)) {
    if (!(declaration.kind === 'variable' ? VARIABLE_NAME : NAME).test(name)) {
      throw invalidArgument(
        { binding: name, operation: 'defineBindings' },
        `Binding "${name}": use letters and digits only, a letter first, such as "adminToken".`,
      )
    }
    const constant = constantCase(name)
    const twin = seen.get(constant)
    if (twin !== undefined) {
      throw invalidArgument(
        { binding: name, operation: 'defineBindings' },
        `Bindings "${twin}" and "${name}" would both be ${constant} on platforms. Rename one.`,
      )
    }
    seen.set(constant, name)
    if (declaration.kind === 'queue' && declaration.deadLetterQueue !== undefined) {
      const target = bindings[declaration.deadLetterQueue]
      if (target?.kind !== 'queue' || declaration.deadLetterQueue === name) {
        throw invalidArgument(
          { binding: name, operation: 'defineBindings' },
          `Queue "${name}": deadLetterQueue "${declaration.deadLetterQueue}" is not another declared queue.`,
        )
      }
    }
  }
  const assetBindings = Object.entries(bindings).filter(([, declaration]) => declaration.kind === 'assets')
  if (assetBindings.length > 1) {
    throw invalidArgument(
      { operation: 'defineBindings' },
      `An app can declare one assets binding, not ${assetBindings.map(([name]) => name).join(' and ')}.`,
    )
  }
  checkSocketPaths(bindings)
}

function checkSocketPaths(bindings: Bindings): void {
  const byPath = new Map<string, string>()
  for (const [name, declaration] of Object.entries(bindings)) {
    if (declaration.kind !== 'sockets') continue
    const twin = byPath.get(declaration.path)
    if (twin !== undefined)
      throw invalidArgument(
        { binding: name, operation: 'defineBindings' },
        `Sockets "${twin}" and "${name}" both have the path ${declaration.path}. Give each one of its own.`,
      )
    byPath.set(declaration.path, name)
  }
}

/**
 * Returns the driver interface that a binding's declaration needs: its kind, or `strongKv` or
 * `ticketedSockets`.
 */
export function driverKind(
  declaration: AnyDeclaration,
): Exclude<BindingKind, 'variable'> | 'strongKv' | 'ticketedSockets' | undefined {
  if (declaration.kind === 'variable') return undefined
  if (declaration.kind === 'sockets' && declaration.tickets === true) return 'ticketedSockets'
  return declaration.kind === 'kv' && declaration.consistency === 'strong' ? 'strongKv' : declaration.kind
}

/** Converts a binding's name `adminToken` to the name that platforms use, `ADMIN_TOKEN`. */
export function constantCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, '$1$3_$2').toUpperCase()
}
