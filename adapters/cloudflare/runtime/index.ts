/** `unmoor/internal/cloudflare/runtime`: runs an app as a module Worker. */
import type { App } from '../../../core/app.ts'
import { constantCase } from '../../../core/bindings/declarations.ts'
import {
  createRuntime,
  internalError,
  type BoundDriver,
  type Runtime,
} from '../../../core/runtime/runtime.ts'
import { hostOrigin } from '../../../core/runtime/host-header.ts'
import { asLabelled } from './coding.ts'
import type { runBatch } from './consumer.ts'
import { WorkerContext } from './context.ts'
import type { runCrons } from './crons.ts'
import type { EdgeClient } from './edge-client.ts'
import { installFetch } from './fetch.ts'
import { installListeners } from './listeners.ts'
import type { NativeBatch, NativeContext, NativeController } from './native.ts'
import type { WorkerTestChannel } from './test-channel.ts'

export { runBatch } from './consumer.ts'
export { runCrons } from './crons.ts'
export { createEdgeClient } from './edge-client.ts'
export { createStrongKvObject } from './strong-kv-object.ts'
export { createTestChannel, type WorkerTestChannel } from './test-channel.ts'

installFetch()

/** The env that Cloudflare passes to a Worker: strings for variables and secrets, objects for bindings. */
export type NativeEnv = Readonly<Record<string, unknown>>

/**
 * Options of {@link createWorker}. Optional parts are passed in by the generated entry, so that a Worker has
 * no code for parts that it does not use.
 */
export interface WorkerOptions {
  app: App
  /** Name of the app that the Worker runs. */
  name: string
  drivers: Readonly<Record<string, BoundDriver>>
  /**
   * The queue consumer: {@link runBatch}, and the bindings of consumed queues by their names on the platform.
   * Default: no consumer.
   */
  queue?: { run: typeof runBatch; names: Readonly<Record<string, string>> }
  /** The Worker's cron handler: {@link runCrons}. Default: no crons. */
  scheduled?: typeof runCrons
  /**
   * Result of {@link createEdgeClient}, if proxies before the edge are trusted. Default: no proxy is trusted.
   */
  edgeClient?: EdgeClient
  /** The test channel, by which tests reach the Worker's bindings; only in builds for tests. */
  testChannel?: WorkerTestChannel
}

/** Handlers of a module Worker, as Cloudflare calls them. */
export interface ModuleWorker {
  fetch(request: Request, env: NativeEnv, ctx: NativeContext): Response | Promise<Response>
  queue?(batch: NativeBatch, env: NativeEnv, ctx: NativeContext): Promise<void>
  scheduled?(controller: NativeController, env: NativeEnv, ctx: NativeContext): Promise<void>
}

/** Creates the Worker of an app. The app's env is created once per isolate, at the first event. */
export function createWorker(options: WorkerOptions): ModuleWorker {
  let current: NativeEnv | undefined
  let ready: Runtime | undefined

  // workerd forbids sharing a promise between requests, so a Worker's events that arrive before the first
  // runtime is ready each create their own. That is cheap: drivers do no I/O at creation.
  const start = async (env: NativeEnv): Promise<Runtime> => {
    const runtime = await createRuntime({
      app: options.app,
      name: options.name,
      drivers: options.testChannel?.tracker.wrap(options.drivers) ?? options.drivers,
      variable: (name) => (typeof env[name] === 'string' ? env[name] : undefined),
      native: (binding) => env[constantCase(binding)],
    })
    // Cloudflare's own binding stays reachable as `env.links.native`.
    for (const binding of runtime.drivers.keys()) {
      const own = env[constantCase(binding)]
      // The env entry of a secret is its text, which has no `native`.
      if (typeof own === 'object') Object.assign(runtime.env[binding] as object, { native: own })
    }
    current = env
    ready = runtime
    return runtime
  }
  const runtimeOf = (env: NativeEnv): Runtime | Promise<Runtime> =>
    ready !== undefined && current === env ? ready : start(env)

  const answer = (
    runtime: Runtime,
    request: Request,
    env: NativeEnv,
    native: NativeContext,
  ): Response | Promise<Response> => {
    const ctx = new WorkerContext(native, request, options.edgeClient)
    const response =
      options.testChannel === undefined
        ? runtime.fetch(request, ctx)
        : options.testChannel.answer(runtime, request, env, ctx)
    if ('then' in response) return response.then((result) => finish(result, request, ctx))
    return finish(response, request, ctx)
  }

  installListeners()
  const worker: ModuleWorker = {
    fetch(request, env, native) {
      if (!hasHost(request))
        return new Response('Bad Request: a missing or malformed Host header', { status: 400 })
      if (ready !== undefined && current === env) return answer(ready, request, env, native)
      return start(env).then(
        (runtime) => answer(runtime, request, env, native),
        (error: unknown) => {
          console.error('The app could not start:', error)
          return internalError()
        },
      )
    },
  }
  const { queue, scheduled } = options
  if (queue !== undefined)
    worker.queue = async (batch, env, native) =>
      queue.run(
        await runtimeOf(env),
        batch,
        queue.names,
        new WorkerContext(native),
        options.testChannel?.tracker,
      )
  if (scheduled !== undefined)
    worker.scheduled = async (controller, env, native) =>
      scheduled(await runtimeOf(env), controller, new WorkerContext(native))
  return worker
}

function toSend(response: Response, request: Request): Response {
  const { headers } = response
  if (headers.has('content-encoding')) return asLabelled(response)
  return request.method === 'HEAD' && headers.has('content-length') ? withLengthOfGet(response) : response
}

/**
 * Keeps the content-length of a response to HEAD only if the header is well-formed and the body is null, as
 * workerd sends it unchecked.
 */
function withLengthOfGet(response: Response): Response {
  const { body, headers, status, statusText } = response
  if (body === null && /^\d{1,15}$/.test(headers.get('content-length') ?? '')) return response
  const kept = new Headers(headers)
  kept.delete('content-length')
  return new Response(body, { status, statusText, headers: kept })
}

const PLAIN_HOST = /^[\w.-]+(?::\d{1,4})?$/

/**
 * True if the Host header is absent or well-formed, so that the URL is what the client meant. Cloudflare's
 * edge guarantees that; workerd alone does not.
 */
function hasHost({ headers }: Request): boolean {
  // A request that another Worker sends through a service binding has no Host header.
  const host = headers.get('host')
  return host === null || PLAIN_HOST.test(host) || hostOrigin('https', host) !== undefined
}

function finish(response: Response, request: Request, ctx: WorkerContext): Response {
  ctx.answered()
  if (!response.bodyUsed) return toSend(response, request)
  // A response whose body was already read is replaced by a plain 500; returned as it is, it would become an
  // error page of Cloudflare.
  console.error(`${request.method} ${request.url} failed: the body of its answer has been used already.`)
  return internalError()
}
