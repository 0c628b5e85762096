import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { UnmoorError } from '../../../core/errors.ts'
import { consumedQueues, consumeQueues } from '../../../core/runtime/queue-consumer.ts'
import type { Runtime } from '../../../core/runtime/runtime.ts'
import type { TestChannel } from '../../../core/runtime/test-channel.ts'
import { type AdminServer, startAdmin } from './admin/server.ts'
import type { Metrics } from './admin/metrics.ts'
import { openCronStore, startCrons } from './crons/crons.ts'
import { keepEvent, runEvent, waitUntilFailed } from './events.ts'
import type { HttpHandler } from './http/listener.ts'
import { startServer } from './http/server.ts'
import { migrateAtStart } from './migrate.ts'
import { createNodeRuntime } from './node-runtime.ts'
import { OwnUrl } from './own-service.ts'
import type { ServeOptions } from './serve-options.ts'
import type { ServerSockets } from './web-sockets/socket-server.ts'

/** A running app on the Node server: HTTP, crons and queues. */
export interface ServerApp {
  readonly url: string
  /** Origin of the admin port with `/livez`, `/readyz` and `/metrics`; undefined without ADMIN_PORT. */
  readonly adminUrl?: string | undefined
  /**
   * Stops the app: accepts no more work, lets running work finish, closes the drivers. Resolves to true if
   * all finished within `seconds`.
   */
  stop(seconds: number): Promise<boolean>
}

/** Options of {@link startServerApp}, which starts an app on the Node server. */
export interface ServerAppOptions extends ServeOptions {
  /**
   * Creates the runtime that calls the app's handlers, after the migrations were applied. `drivers` is the
   * runtime that holds the app's open drivers; the created runtime must close it. Default: `drivers` itself.
   */
  createRuntime?: (drivers: Runtime) => Promise<Runtime>
  /**
   * Closes the runtime at the end of a stop. `finished` is false if work was cut off. Default:
   * `runtime.close()`.
   */
  close?: (runtime: Runtime, finished: boolean) => Promise<void>
}

/**
 * Default of `wallTimeout`, the time limit of a handler, in seconds: longer than any client waits, so that
 * only a hanging handler is cut off.
 */
const WALL_SECONDS = 300

/** Starts the server, crons and queue consumers of an app. A start that fails leaves no driver open. */
export async function startServerApp(options: ServerAppOptions): Promise<ServerApp> {
  const { createRuntime = async (open) => open, close = (used) => used.close() } = options
  const port = readPort('PORT') ?? 3000
  const host = process.env['HOST'] || '127.0.0.1'
  const own = new OwnUrl()
  const wallTimeout = options.options.wallTimeout ?? WALL_SECONDS
  // An existing Worker declares no sockets bindings and has its own upgrade handler.
  const sockets = options.sockets?.({ wallTimeout }) ?? (options.app.upgrades as ServerSockets | undefined)
  // The admin port opens first, so that a probe sees that the start is under way.
  const { admin, metrics } = await openAdmin({ port, host })
  const drivers = await createNodeRuntime(options, own, sockets).catch((error: unknown) => {
    admin?.close()
    throw error
  })
  try {
    await migrateAtStart(drivers, options.migrations)
    metrics?.watchBindings(drivers, sockets)
    const runtime = await createRuntime(drivers)
    const events = metrics?.watchEvents(runtime) ?? runtime
    const cronStore = await openCronStore(runtime.name, options.cronStore)
    await sockets?.listen(runtime)
    const handler = composeHandler(runtime, options.testChannel, sockets)
    const server = await startServer(handler, {
      ...options.options,
      wallTimeout,
      upgrades: sockets,
      clientHeader: runtime.app.clientHeader,
      port,
      host,
      onRequest: metrics?.onRequest,
    })
    own.set(server.url)
    const consumers = consumeQueues(consumedQueues(runtime), {
      context: { keep: keepEvent, onError: (error) => waitUntilFailed(error) },
      handle: (binding, messages, ctx) =>
        runEvent({ name: `queue ${binding}, messages ${messages.map(({ id }) => id).join(', ')}` }, () =>
          events.queue(binding, messages, ctx),
        ),
    })
    const scheduler = startCrons(events, drivers, cronStore, options.options)
    admin?.ready()
    return {
      url: server.url,
      adminUrl: admin?.url,
      async stop(seconds) {
        admin?.draining()
        await sleep((options.options.drainTimeout ?? 0) * 1000)
        const late = Promise.withResolvers<boolean>()
        const timer = setTimeout(() => late.resolve(false), seconds * 1000)
        const workers = Promise.race([
          Promise.all([consumers.stop(), scheduler.stop()]).then(() => true),
          late.promise,
        ])
        const open = [server.stop(seconds), sockets?.stop(seconds) ?? true]
        const finished = (await Promise.all([...open, workers])).every(Boolean)
        clearTimeout(timer)
        await close(runtime, finished)
        admin?.close()
        return finished
      },
    }
  } catch (error) {
    admin?.close()
    await drivers.close()
    throw error
  }
}

/**
 * Composes the server's handler of all requests: the test channel if there is one, then sockets, a static
 * file, the app.
 */
function composeHandler(
  runtime: Runtime,
  testChannel: TestChannel | undefined,
  sockets: ServerSockets | undefined,
): HttpHandler {
  const app: HttpHandler = (request, ctx) => runtime.fetch(request, ctx)
  const { assets } = runtime
  const withFiles: HttpHandler =
    assets === undefined
      ? app
      : (request, ctx) => assets.serve(request).then((file) => file ?? app(request, ctx))
  const withSockets: HttpHandler =
    sockets === undefined
      ? withFiles
      : (request, ctx) => sockets.admit(request, () => app(request, ctx)) ?? withFiles(request, ctx)
  if (testChannel === undefined) return withSockets
  return (request, ctx) => {
    if (!new URL(request.url).pathname.startsWith('/.unmoor/')) return withSockets(request, ctx)
    return testChannel(runtime, request, ctx, process.env['UNMOOR_TEST_TOKEN']).then(
      (answer) => answer ?? withSockets(request, ctx),
    )
  }
}

/**
 * Opens the admin port if ADMIN_PORT is set. Its metrics are loaded with it, so that a server without one has
 * none of their code in the way. @throws `InvalidArgument` if it is the port of the app too.
 */
async function openAdmin(app: {
  port: number
  host: string
}): Promise<{ admin?: AdminServer; metrics?: Metrics }> {
  const port = readPort('ADMIN_PORT')
  if (port === undefined) return {}
  const host = process.env['ADMIN_HOST'] || '127.0.0.1'
  const isSameHost = app.host === host || [app.host, host].some((one) => one === '0.0.0.0' || one === '::')
  if (port === app.port && port !== 0 && isSameHost)
    throw new UnmoorError(
      'InvalidArgument',
      `PORT and ADMIN_PORT are both ${port}. Set ADMIN_PORT to another port, or do not set it.`,
      { operation: 'start' },
    )
  const metrics = new (await import('./admin/metrics.ts')).Metrics()
  return { admin: await startAdmin({ port, host, metrics }), metrics }
}

/** Reads a port number from an environment variable; undefined if the variable is not set. */
function readPort(name: string): number | undefined {
  const text = process.env[name]
  if (text === undefined || text === '') return undefined
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65535)
    throw new UnmoorError(
      'InvalidArgument',
      `${name} is "${text}", not a number from 0 to 65535. Set it to one, or do not set it.`,
      { operation: 'start' },
    )
  return port
}
