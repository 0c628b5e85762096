/**
 * The part that the run-time halves of all adapters share: create an app's env once, then call its handlers.
 */
import type { App } from '../app.ts'
import { constantCase, type AnyDeclaration } from '../bindings/declarations.ts'
import type {
  AssetsDriver,
  DriverContext,
  DriverOf,
  QueueDriver,
  QueueIncoming,
  QueueSettlement,
  SqlDriver,
} from '../bindings/drivers.ts'
import type { Portable } from '../bindings/portable.ts'
import type { SocketEvent, SocketState, SocketTransportFactory } from '../bindings/socket-transport.ts'
import type { Context } from '../context.ts'
import { UnmoorError } from '../errors.ts'

/** A binding's driver with its options, as the generated entry pairs them. */
export interface BoundDriver {
  create: (
    // oxlint-disable-next-line typescript/no-explicit-any -- a driver's own options, which its factory checks
    options: any,
    context: DriverContext,
  ) => DriverOf[keyof DriverOf] | Promise<DriverOf[keyof DriverOf]>
  /** The driver's options as JSON; `{ env: 'NAME' }` stands for the value of that variable. */
  options: Readonly<Record<string, unknown>>
  /**
   * The portable class of the binding's kind. It comes with the driver, so that a bundle has only the classes
   * of declared kinds.
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- of the driver's kind, which the entry pairs
  portable: Portable<any>
}

/** Options of {@link createRuntime}. */
export interface RuntimeOptions {
  app: App
  /** Name of the app that the runtime runs. */
  name: string
  drivers: Readonly<Record<string, BoundDriver>>
  /** Returns a variable or secret of the process; undefined if it is not set. */
  variable(name: string): string | undefined
  dataDir?: string | undefined
  /** Returns the platform's own binding of that name (Cloudflare). Default: none. */
  native?: ((name: string) => unknown) | undefined
  /** Returns the runtime's clock: milliseconds since 1970. Default: Date.now. */
  now?: (() => number) | undefined
  /**
   * Wraps a driver for the handlers' env, for targets that separate the app's work from the drivers'.
   * Default: the driver itself.
   */
  wrapDriver?: (<Driver extends object>(driver: Driver) => Driver) | undefined
  /**
   * Creates the transport that holds the connections of each sockets binding, from the driver that
   * `wrapDriver` returned. Default: none, and an app that declares sockets does not start.
   */
  sockets?: SocketTransportFactory | undefined
  /** Called with errors that handlers throw and messages that queues drop. Default: console.error. */
  onError?: ((message: string, error: unknown) => void) | undefined
}

/** An app with its env: the interface through which adapters call its handlers. */
export interface Runtime {
  readonly app: App
  readonly name: string
  readonly env: Readonly<Record<string, unknown>>
  /**
   * The app's variables for `process.env`, by their names on the platform. They include secrets that are
   * known at the start (those of the driver `env`).
   */
  readonly environment: Readonly<Record<string, string>>
  /** The app's drivers by binding, for consumers, migrations and tests. */
  readonly drivers: ReadonlyMap<string, DriverOf[keyof DriverOf]>
  queueDriver(binding: string): QueueDriver
  sqlDriver(binding: string): SqlDriver
  readonly assets: AssetsDriver | undefined
  /**
   * Calls the app's fetch handler. If it throws, or returns no Response, the client receives a 500 without
   * details, and `onError` receives the details.
   */
  fetch(request: Request, ctx: Context): Response | Promise<Response>
  /**
   * Calls a queue's handler and returns the outcome of each message. It never rejects: if the handler throws,
   * messages that it has not settled are retried.
   */
  queue(
    binding: string,
    messages: readonly QueueIncoming[],
    ctx: Context,
  ): Promise<{ settlements: QueueSettlement[]; error?: unknown }>
  /**
   * Calls a cron's handler and rejects if the handler throws. `retry` is false if the handler called
   * `noRetry()`.
   */
  cron(name: string, scheduledTime: number, ctx: Context): Promise<{ error?: unknown; retry: boolean }>
  /**
   * Calls the app's handler for one event of a WebSocket, as `runSocketEvent` does, if handlers do not run in
   * this realm; never rejects. Default: undefined, and `runSocketEvent` calls the handler.
   */
  readonly socket?:
    | ((
        binding: string,
        state: SocketState,
        event: SocketEvent,
        ctx: Context,
      ) => Promise<{ error?: unknown }>)
    | undefined
  /** Closes the drivers of the app's bindings. */
  close(): Promise<void>
}

/**
 * Creates the env of an app: one portable class per binding over its driver.
 *
 * @throws `NotFound` naming a variable or secret that is missing, before anything is opened.
 */
export async function createRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { app } = options
  checkVariables(app.bindings, options)
  const drivers = new Map<string, DriverOf[keyof DriverOf]>()
  const env: Record<string, unknown> = {}
  let assets: AssetsDriver | undefined
  const onError = options.onError ?? ((message, error) => console.error(message, error))
  const close = async (): Promise<void> => {
    for (const driver of drivers.values()) await driver.close?.()
  }
  try {
    for (const [binding, declaration] of Object.entries(app.bindings)) {
      if (declaration.kind === 'variable') {
        env[binding] = options.variable(constantCase(binding)) ?? declaration.default
        continue
      }
      const bound = options.drivers[binding]
      if (bound === undefined)
        throw new UnmoorError('Internal', `Binding "${binding}" has no driver: build the app again.`, {
          binding,
        })
      const context = driverContext(binding, declaration, options)
      const driver = await bound.create(resolveOptions(bound.options, binding, context), context)
      drivers.set(binding, driver)
      if (declaration.kind === 'assets' && declaration.appFirst !== true) assets = driver as AssetsDriver
      env[binding] = bound.portable.create(options.wrapDriver?.(driver) ?? driver, context, options)
    }
  } catch (error) {
    await close()
    throw error
  }
  return new AppRuntime(options, {
    env: Object.freeze(env),
    environment: readEnvironment(options),
    drivers,
    assets,
    onError,
    close,
  })
}

function driverContext(binding: string, declaration: AnyDeclaration, options: RuntimeOptions): DriverContext {
  return {
    binding,
    app: options.name,
    declaration,
    dataDir: options.dataDir,
    variable: (name) => options.variable(name),
    now: options.now ?? Date.now,
    native: options.native?.(binding),
  }
}

function readEnvironment(options: RuntimeOptions): Record<string, string> {
  const environment: Record<string, string> = {}
  for (const [binding, declaration] of Object.entries(options.app.bindings)) {
    const name = constantCase(binding)
    const own = options.drivers[binding]?.options
    const value =
      declaration.kind === 'variable'
        ? (options.variable(name) ?? declaration.default)
        : declaration.kind === 'secret' && own?.['driver'] === 'env'
          ? options.variable(typeof own['name'] === 'string' ? own['name'] : name)
          : undefined
    if (value !== undefined) environment[name] = value
  }
  return environment
}

/**
 * Reports all missing variables of an app at once, so that one failed start names everything that has to be
 * set.
 */
function checkVariables(bindings: App['bindings'], options: RuntimeOptions): void {
  const missing: string[] = []
  for (const [binding, declaration] of Object.entries(bindings)) {
    const variable = constantCase(binding)
    if (
      declaration.kind === 'variable' &&
      declaration.default === undefined &&
      options.variable(variable) === undefined
    ) {
      missing.push(`variable "${binding}": set ${variable}, or give it a default`)
    }
    const bound = options.drivers[binding]
    if (
      declaration.kind === 'secret' &&
      !declaration.optional &&
      bound?.options['driver'] === 'env' &&
      options.variable(variable) === undefined
    ) {
      missing.push(`secret "${binding}": set ${variable}`)
    }
  }
  if (missing.length > 0)
    throw new UnmoorError('NotFound', `This app cannot start without ${missing.join('; ')}.`, {
      operation: 'start',
    })
}

/**
 * Returns driver options in which each `{ env: 'NAME' }`, at any depth, is replaced by the value of that
 * variable. @throws `NotFound` naming a variable that is not set.
 */
export function resolveOptions(
  options: Readonly<Record<string, unknown>>,
  binding: string,
  context: Pick<DriverContext, 'variable'>,
  within = '',
): Record<string, unknown> {
  const resolve = (value: unknown, path: string): unknown => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    if ('env' in value && typeof value.env === 'string') {
      const found = context.variable(value.env)
      if (found === undefined && !('optional' in value))
        throw new UnmoorError(
          'NotFound',
          `Binding "${binding}": its driver's "${path}" comes from the variable ${value.env}, which is ` +
            'not set.',
          {
            binding,
            operation: 'start',
          },
        )
      return found
    }
    return resolveOptions(value as Record<string, unknown>, binding, context, `${path}.`)
  }
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => [key, resolve(value, within + key)]),
  )
}

/** The parts that {@link createRuntime} opened for an app. */
interface Opened extends Pick<Runtime, 'env' | 'environment' | 'drivers' | 'assets'> {
  onError: (message: string, error: unknown) => void
  close: () => Promise<void>
}

class AppRuntime implements Runtime {
  readonly app: App
  readonly name: string
  readonly env: Readonly<Record<string, unknown>>
  readonly environment: Readonly<Record<string, string>>
  readonly drivers: ReadonlyMap<string, DriverOf[keyof DriverOf]>
  readonly assets: AssetsDriver | undefined
  readonly close: () => Promise<void>
  #bound: RuntimeOptions['drivers']
  #onError: (message: string, error: unknown) => void

  constructor(options: RuntimeOptions, { env, environment, drivers, assets, onError, close }: Opened) {
    this.app = options.app
    this.name = options.name
    this.#bound = options.drivers
    this.env = env
    this.environment = environment
    this.drivers = drivers
    this.assets = assets
    this.#onError = onError
    this.close = close
  }

  queueDriver(binding: string): QueueDriver {
    return this.#driver(binding, 'queue') as QueueDriver
  }

  sqlDriver(binding: string): SqlDriver {
    return this.#driver(binding, 'sql') as SqlDriver
  }

  #driver(binding: string, kind: string): DriverOf[keyof DriverOf] {
    const driver = this.drivers.get(binding)
    if (driver === undefined || this.app.bindings[binding]?.kind !== kind)
      throw new UnmoorError('NotFound', `"${binding}" is not a declared ${kind}.`, { binding })
    return driver
  }

  fetch(request: Request, ctx: Context): Response | Promise<Response> {
    const handler = this.app.fetch
    if (handler === undefined) return new Response('Not Found', { status: 404 })
    try {
      const answer = handler(request, this.env as never, ctx)
      // A promise of the fetch handler is recognised by its `then`: a result that is no instance of Response
      // may also be an adapter's own light response.
      if (typeof (answer as Promise<Response>).then === 'function')
        return (answer as Promise<Response>)
          .then(checkResponse)
          .catch((error: unknown) => this.#failed(request, error))
      return checkResponse(answer as Response)
    } catch (error) {
      return this.#failed(request, error)
    }
  }

  #failed(request: Request, error: unknown): Response {
    this.#onError(`${request.method} ${request.url} failed:`, error)
    return internalError()
  }

  async queue(
    binding: string,
    messages: readonly QueueIncoming[],
    ctx: Context,
  ): Promise<{ settlements: QueueSettlement[]; error?: unknown }> {
    const declaration = this.app.bindings[binding]
    const handler = this.app.queues[binding]
    const createBatch = this.#bound[binding]?.portable.createBatch
    if (declaration?.kind !== 'queue' || handler === undefined || createBatch === undefined)
      throw new UnmoorError('NotFound', `This app has no handler for queue "${binding}".`, {
        binding,
        operation: 'queue',
      })
    const batch = createBatch(binding, messages, declaration.retryDelay, declaration.maxDelay)
    try {
      await handler(batch, this.env as never, ctx)
    } catch (error) {
      this.#onError(`queue ${binding}: the handler threw; the unsettled are retried:`, error)
      return { settlements: batch.settlements('retry'), error }
    }
    return { settlements: batch.settlements('ack') }
  }

  async cron(
    name: string,
    scheduledTime: number,
    ctx: Context,
  ): Promise<{ error?: unknown; retry: boolean }> {
    const cron = this.app.crons[name]
    if (cron === undefined)
      throw new UnmoorError(
        'NotFound',
        `This app has no cron "${name}". It has: ${Object.keys(this.app.crons).join(', ') || 'none'}.`,
        { operation: 'cron' },
      )
    let retry = true
    const event = {
      name,
      cron: cron.schedule,
      scheduledTime,
      type: 'scheduled' as const,
      noRetry: () => void (retry = false),
    }
    try {
      await cron.run(event, this.env as never, ctx)
      return { retry: false }
    } catch (error) {
      this.#onError(`cron ${name} at ${new Date(scheduledTime).toISOString()} failed:`, error)
      return { error, retry }
    }
  }
}

function checkResponse(answer: Response): Response {
  // Responses of the fetch handler are recognised by their shape: an app may bring its own Response class, or
  // one of another realm.
  if (typeof answer === 'object' && answer !== null && 'status' in answer && 'headers' in answer)
    return answer
  throw new TypeError(
    `The fetch handler must return a Response, not ${answer === null ? 'null' : typeof answer}.`,
  )
}

/**
 * Returns the response with status 500 for a request on which the app failed, without details of the error.
 */
export function internalError(): Response {
  return new Response('Internal Server Error', {
    status: 500,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
  })
}
