import type {
  AnyDeclaration,
  Bindings,
  Env,
  QueueDeclaration,
  QueueNames,
  SocketsDeclaration,
  SocketsNames,
} from './bindings/declarations.ts'
import type { QueueBatch } from './bindings/queue.ts'
import type { SocketMessage } from './bindings/socket-transport.ts'
import type { Socket, SocketClose } from './bindings/sockets.ts'
import type { ClientHeader } from './client.ts'
import type { Context } from './context.ts'
import { BUILT } from './runtime/built.ts'
import { checkSchedule } from './cron.ts'
import { invalidArgument } from './errors.ts'
import { LIMITS } from './limits.ts'

/** Event passed to a cron handler: the `ScheduledController` of Workers, and the cron's name. */
export interface CronEvent {
  /** Name of the cron: its key under `crons` in `defineApp`. */
  readonly name: string
  /** Schedule of the cron as the app declared it. */
  readonly cron: string
  /**
   * Nominal time of the cron's run, in milliseconds since 1970. The same time may be delivered more than
   * once: dedupe on it.
   */
  readonly scheduledTime: number
  readonly type: 'scheduled'
  /** Tells the platform not to retry this run of a cron after a throw. */
  noRetry(): void
}

/** Handles one HTTP request of an app. */
export type FetchHandler<E> = (request: Request, env: E, ctx: Context) => Response | Promise<Response>
/**
 * Handles a batch of queue messages. Messages neither acked nor retried are acked if it returns, and retried
 * if it throws.
 */
export type QueueHandler<T, E> = (batch: QueueBatch<T>, env: E, ctx: Context) => void | Promise<void>
/** Handles one run of a cron. A throw makes the platform retry the run, unless `noRetry` was called. */
export type CronHandler<E> = (event: CronEvent, env: E, ctx: Context) => void | Promise<void>

/**
 * A cron handler and its schedule: five fields in UTC, weekdays by name, never both a day of the month and a
 * weekday.
 */
export interface Cron<E> {
  schedule: string
  run: CronHandler<E>
}

/**
 * Handlers of the sockets of one binding; each is optional. Handlers of one socket start in the order of its
 * events where the capability `sockets.ordered` holds, and interleave where they await.
 */
export interface SocketHandlers<Data, Message extends SocketMessage, E> {
  /** The `open` handler runs after `fetch` has accepted a WebSocket and the client has its response. */
  open?(socket: Socket<Data, Message>, env: E, ctx: Context): void | Promise<void>
  message?(socket: Socket<Data, Message>, message: Message, env: E, ctx: Context): void | Promise<void>
  /**
   * The `close` handler runs once when a client's WebSocket is closed, by either side. Best effort: a killed
   * process does not run it, so state that it cleans up needs a time to live too.
   */
  close?(socket: Socket<Data, Message>, close: SocketClose, env: E, ctx: Context): void | Promise<void>
  /** The `error` handler runs when another handler of a WebSocket threw, before the close with code 1011. */
  error?(socket: Socket<Data, Message>, error: unknown, env: E, ctx: Context): void | Promise<void>
}

/** Options of {@link defineApp}. */
export interface AppOptions<B extends Bindings, CronName extends string = string> {
  /** Bindings that {@link defineBindings} returned. Default: none. */
  bindings?: B
  fetch?: FetchHandler<Env<B>>
  /** Handler for each declared queue that this app consumes, by the queue's name. */
  queues?: {
    [Name in QueueNames<B>]?: QueueHandler<B[Name] extends QueueDeclaration<infer T> ? T : never, Env<B>>
  }
  crons?: Record<CronName, Cron<Env<B>>>
  /** Handlers of each declared sockets binding, by the binding's name. */
  sockets?: {
    [Name in SocketsNames<B>]?: B[Name] extends SocketsDeclaration<infer Data, infer Message>
      ? SocketHandlers<Data, Message, Env<B>>
      : never
  }
}

/**
 * Handlers of an app as an adapter calls them. They are methods because TypeScript compares the parameters of
 * methods bivariantly: compared strictly, no app would be an {@link App}, since its handlers take its own
 * env.
 */
export interface AppHandlers<E> {
  fetch(request: Request, env: E, ctx: Context): Response | Promise<Response>
  queue(batch: QueueBatch<unknown>, env: E, ctx: Context): void | Promise<void>
  cron(event: CronEvent, env: E, ctx: Context): void | Promise<void>
}

/**
 * An app: declarations and handlers that are independent of any target. `App` without type arguments is any
 * app.
 */
export interface App<B extends Bindings = Bindings, CronName extends string = string> {
  readonly bindings: B
  readonly fetch: AppHandlers<Env<B>>['fetch'] | undefined
  readonly queues: Readonly<Record<string, AppHandlers<Env<B>>['queue']>>
  readonly crons: Readonly<
    Record<CronName, { readonly schedule: string; readonly run: AppHandlers<Env<B>>['cron'] }>
  >
  /** Handlers of each sockets binding, by the binding's name; undefined if the app declares no sockets. */
  readonly sockets?: Readonly<Record<string, SocketHandlers<unknown, SocketMessage, Env<B>>>> | undefined
  /**
   * Name of the request header with the client's address. Set only for existing Cloudflare Workers.
   * @internal
   */
  readonly clientHeader?: ClientHeader | undefined
  /**
   * Takes over connections that are upgraded from HTTP, for existing Workers with WebSockets. Opaque here:
   * only the target that created the object knows its type.
   * @internal
   */
  readonly upgrades?: object | undefined
}

/**
 * The env type that a fetch handler expects as its second parameter; `never` if it expects none. Hono types
 * that parameter as optional `E['Bindings'] | {}`, which any env would fit, so the `{}` is removed.
 */
export type ExpectedEnv<Parameter> = Parameter extends undefined
  ? never
  : {} extends Parameter
    ? keyof Parameter extends never
      ? never
      : Parameter
    : Parameter

/**
 * The fetch handler type `F` if its env fits the app's bindings; else a type that no function fits and whose
 * text says why. A Hono app without declared Bindings has an env that is optional and unknown, or `{}`.
 */
export type CheckedFetch<F, B extends Bindings> = F extends (request: Request, ...rest: infer Rest) => unknown
  ? Rest extends []
    ? F
    : [ExpectedEnv<Rest[0]>] extends [never]
      ? [] extends Rest
        ? keyof B extends never
          ? F
          : {
              'unmoor: this app does not know its bindings; write new Hono<{ Bindings: Env<typeof bindings> }>()': never
            }
        : F
      : [Env<B>] extends [ExpectedEnv<Rest[0]>]
        ? F
        : {
            'unmoor: this handler expects an env that differs from the declared bindings': ExpectedEnv<
              Rest[0]
            >
          }
  : F

/**
 * Declares an app. Handlers have the signatures of Workers; a Hono app's `fetch` fits as it is.
 *
 * @throws `InvalidArgument` for a consumer of an undeclared queue, handlers of undeclared sockets or a
 * schedule outside the portable form; `LimitExceeded` for over 100 crons.
 *
 * @example
 * ```ts
 * import { defineApp, defineBindings, kv, queue } from 'unmoor'
 *
 * const bindings = defineBindings({ links: kv(), clicks: queue<{ slug: string }>() })
 *
 * export default defineApp({
 *   bindings,
 *   async fetch(request, env, ctx) {
 *     const slug = new URL(request.url).pathname.slice(1)
 *     const url = await env.links.get(slug)
 *     if (url === null) return new Response('Not found', { status: 404 })
 *     ctx.waitUntil(env.clicks.send({ slug }))
 *     return Response.redirect(url)
 *   },
 *   queues: {
 *     clicks: async (batch) => {
 *       for (const { body } of batch.messages) console.log(body.slug)
 *     },
 *   },
 *   crons: {
 *     cleanup: { schedule: '0 3 * * *', run: (event) => console.log(event.scheduledTime) },
 *   },
 * })
 * ```
 */
export function defineApp<
  const B extends Bindings = {},
  F extends FetchHandler<Env<B>> = FetchHandler<Env<B>>,
  CronName extends string = string,
>(options: AppOptions<B, CronName> & { fetch?: F & CheckedFetch<F, B> }): App<B, CronName> {
  const bindings = options.bindings ?? ({} as B)
  if (!BUILT) checkHandlers(bindings, options)
  return {
    bindings,
    fetch: options.fetch,
    queues: (options.queues ?? {}) as App<B>['queues'],
    crons: options.crons ?? ({} as App<B, CronName>['crons']),
    sockets: options.sockets as App<B>['sockets'],
  }
}

const SOCKET_HANDLERS: readonly string[] = ['open', 'message', 'close', 'error']

function checkHandlers(
  bindings: Bindings,
  options: { queues?: object; crons?: Readonly<Record<string, { schedule: string }>>; sockets?: object },
): void {
  for (const [name, handlers] of Object.entries(options.sockets ?? {})) {
    const where = { binding: name, operation: 'defineApp' }
    if (bindings[name]?.kind !== 'sockets')
      throw invalidArgument(
        where,
        `sockets.${name} has handlers, but "${name}" is not a declared sockets binding. Add ${name}: ` +
          "sockets({ path: '/...' }) to defineBindings.",
      )
    for (const handler of Object.keys(Object(handlers)))
      if (!SOCKET_HANDLERS.includes(handler))
        throw invalidArgument(
          where,
          `sockets.${name} has no event "${handler}". It has: ${SOCKET_HANDLERS.join(', ')}.`,
        )
  }
  for (const name of Object.keys(options.queues ?? {})) {
    const declaration: AnyDeclaration | undefined = bindings[name]
    if (declaration?.kind !== 'queue') {
      throw invalidArgument(
        { binding: name, operation: 'defineApp' },
        `queues.${name} has a handler, but "${name}" is not a declared queue. Add ${name}: queue() to ` +
          'defineBindings.',
      )
    }
  }
  const crons = Object.entries(options.crons ?? {})
  if (crons.length > LIMITS.crons)
    throw invalidArgument(
      { operation: 'defineApp' },
      `${crons.length} crons are over the portable limit of ${LIMITS.crons}.`,
    )
  for (const [name, cron] of crons) checkSchedule(name, cron.schedule)
}
