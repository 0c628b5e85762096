import type { QueueDeclaration } from '../../../core/bindings/declarations.ts'
import type { QueueIncoming } from '../../../core/bindings/drivers.ts'
import { isUnmoorError, UnmoorError } from '../../../core/errors.ts'
import { channelValues } from '../../../core/runtime/rpc.ts'
import type { Manifest } from '../../../core/manifest.ts'
import { internalError, type Runtime } from '../../../core/runtime/runtime.ts'
import { CurrentIsolate, startFailure } from './current-isolate.ts'
import { errorPage } from './error-page.ts'
import { type EngineFactory, IsolateApp, type IsolateHooks } from './isolate-app.ts'
import { IsolateEnded } from '../engine/ended.ts'
import { Jobs } from '../services/jobs.ts'
import { type GuestLog, printLog } from '../services/log.ts'
import type { TransportOf } from '../services/socket-calls.ts'
import type { WebSocketHost } from '../services/web-sockets.ts'
import type { OutboundClient, OutboundRequest } from '../services/outbound/client.ts'
import type { StackMapper } from './stack-mapper.ts'

/** Options of {@link createIsolateRuntime}, which runs an app in isolates. */
export interface IsolateRuntimeOptions {
  /** Runtime of this process: its `env` has the portable classes, its app has declarations only. */
  host: Runtime
  manifest: Manifest
  create: EngineFactory
  /** Paths of this machine that errors must not reveal to a tenant. */
  privatePaths?: readonly string[] | undefined
  /**
   * Receives the lines of the app's log, with places of the bundle. Default: they are mapped and written to
   * stdout and stderr.
   */
  log?: GuestLog | undefined
  /** Client that sends the app's requests to the network; closed with the runtime. */
  outbound: OutboundClient
  hooks?: IsolateHooks | undefined
  /** Maps stack traces to the app's sources. Default: they show places of the bundle. */
  mapper?: StackMapper | undefined
  /** If true, clients see the errors that the app throws: for development. Default: false. */
  showErrors?: boolean | undefined
  /** Returns the transport of a sockets binding. Default: the app has no sockets. */
  sockets?: TransportOf | undefined
  /** Network of an existing Worker's WebSockets. Default: the app has none. */
  webSockets?: WebSocketHost | undefined
  /**
   * Queue of the app's cryptography and compression jobs, if it is shared with other runtimes. Default: a new
   * one.
   */
  jobs?: Jobs | undefined
}

/** A {@link Runtime} whose handlers run in an isolate. An isolate that ends is replaced. */
export interface IsolateRuntime extends Runtime {
  /** Number of the app's isolates started so far. */
  readonly started: number
  /**
   * The app's running isolate, to which requests may go directly as flat requests (`flat-request.ts`).
   * Undefined while none runs, and if the app has assets, which come first.
   */
  readonly direct: IsolateApp | undefined
}

/** Creates the app's runtime with its first isolate. @throws `Unavailable` if the app cannot be loaded. */
export async function createIsolateRuntime(options: IsolateRuntimeOptions): Promise<IsolateRuntime> {
  const { host, manifest, mapper } = options
  const mapped = (text: string): string => mapper?.text(text) ?? text
  const log: GuestLog = options.log ?? ((level, text) => printLog(level, mapped(text)))
  const { privatePaths = [] } = options
  const redact = (text: string): string =>
    privatePaths.reduce((shown, path) => shown.replaceAll(path, '...'), text)
  const { outbound } = options
  const services = {
    manifest,
    env: host.env,
    fetch: (request: OutboundRequest) => outbound.fetch(request),
    redact,
    jobs: options.jobs ?? new Jobs(),
    sockets: options.sockets,
    webSockets: options.webSockets,
  }
  const values = channelValues(manifest, host.env)
  const { create, hooks } = options
  const isolate = new CurrentIsolate({
    name: host.name,
    create: (onEnd) =>
      IsolateApp.start({ create, services, values, environment: host.environment, log, onEnd, hooks }),
    logError: (text) => log('error', text),
  })
  await isolate.first().catch((error: unknown) => {
    const message = `The app does not start in an isolate: ${mapped(startFailure(error))}`
    throw new UnmoorError('Unavailable', message, { operation: 'start', cause: error })
  })

  return {
    ...exceptHandlers(host),
    get started() {
      return isolate.started
    },
    get direct() {
      return host.assets === undefined ? isolate.live : undefined
    },
    ...handlers({ ...options, isolate, log, mapped }),
    async close() {
      await isolate.close()
      outbound.close()
      await host.close()
    },
  }
}

interface HandlerOptions extends Pick<IsolateRuntimeOptions, 'host' | 'manifest' | 'mapper' | 'showErrors'> {
  isolate: CurrentIsolate
  log: GuestLog
  /** Returns a text with its stack traces mapped to the app's sources. */
  mapped: (text: string) => string
}

/** Returns a runtime's handlers that call the app's handlers in the running isolate. */
function handlers(options: HandlerOptions): Pick<Runtime, 'fetch' | 'queue' | 'cron' | 'socket'> {
  const { host, manifest, mapper, isolate, log, mapped } = options
  return {
    async fetch(request, ctx) {
      try {
        return await (await isolate.use()).fetch(request, ctx)
      } catch (error) {
        if (error instanceof IsolateEnded)
          return unavailable(`the app's isolate was stopped: ${error.message}`)
        // Errors of the app have the code Internal, so LimitExceeded is a limit of unmoor.
        if (isUnmoorError(error) && error.code === 'LimitExceeded') return overLimit(error)
        log('error', `${request.method} ${request.url} failed: ${text(error)}`)
        return mapper !== undefined && options.showErrors === true
          ? errorPage(request, mapped(text(error)), mapper)
          : internalError()
      }
    },
    async queue(binding: string, messages: readonly QueueIncoming[], ctx) {
      const declaration = manifest.bindings[binding] as QueueDeclaration
      try {
        const result = await (await isolate.use()).queue(binding, messages, declaration, ctx)
        if (result.error !== undefined)
          log(
            'error',
            `queue ${binding}: the handler threw, its unsettled messages are retried: ${text(result.error)}`,
          )
        return result
      } catch (error) {
        log('error', `queue ${binding}: the batch is retried: ${String(error)}`)
        return {
          settlements: messages.map(({ lease }) => ({
            lease,
            outcome: 'retry' as const,
            delaySeconds: declaration.retryDelay,
          })),
          error,
        }
      }
    },
    async cron(name, scheduledTime, ctx) {
      if (!Object.hasOwn(manifest.crons, name)) return host.cron(name, scheduledTime, ctx)
      try {
        const result = await (await isolate.use()).cron(name, scheduledTime, ctx)
        if (result.error !== undefined)
          log(
            'error',
            `cron ${name} at ${new Date(scheduledTime).toISOString()} failed: ${text(result.error)}`,
          )
        return result
      } catch (error) {
        log('error', `cron ${name} at ${new Date(scheduledTime).toISOString()} failed: ${String(error)}`)
        return { error, retry: true }
      }
    },
    async socket(binding, state, event, ctx) {
      try {
        const failed = await (await isolate.use()).socket(binding, state, event, ctx)
        return failed ? { error: new Error('The handler threw.') } : {}
      } catch (error) {
        log(
          'error',
          `socket ${binding} ${state.id}: the ${event.type} handler did not finish: ${text(error)}`,
        )
        return { error }
      }
    },
  }
}

/** Returns the runtime `host` without its handlers and its `close`. */
export function exceptHandlers(host: Runtime): Omit<Runtime, 'fetch' | 'queue' | 'cron' | 'close'> {
  return {
    app: host.app,
    name: host.name,
    env: host.env,
    environment: host.environment,
    drivers: host.drivers,
    assets: host.assets,
    queueDriver: (binding) => host.queueDriver(binding),
    sqlDriver: (binding) => host.sqlDriver(binding),
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function unavailable(cause: string): Response {
  return new Response(`Service Unavailable: ${cause}.`, {
    status: 503,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '1' },
  })
}

function overLimit(error: UnmoorError): Response {
  return new Response(`Internal Server Error: ${error.message}`, {
    status: 500,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
  })
}
