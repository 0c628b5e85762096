/** `unmoor/cloudflare/runtime`: an app as a module Worker. */
import type { App } from '../../../core/app.ts'
import { constantCase } from '../../../core/bindings/declarations.ts'
import { createRuntime, internalError, type BoundDriver, type Runtime } from '../../../core/runtime.ts'
import type { TestChannel } from '../../../core/test-channel.ts'
import { WorkerContext } from './context.ts'
export { runBatch } from './consumer.ts'
export { runCrons } from './crons.ts'
import type { NativeBatch, NativeContext, NativeController } from './native.ts'

/** What the platform passes as env: strings for variables and secrets, objects for bindings. */
export type NativeEnv = Readonly<Record<string, unknown>>

/** Answers a batch of a queue; only Workers with a consumer contain it. */
export type QueueHalf = (runtime: Runtime, batch: NativeBatch, names: Readonly<Record<string, string>>, ctx: WorkerContext) => Promise<void>
/** Answers a cron trigger; only Workers with a cron contain it. */
export type CronHalf = (runtime: Runtime, controller: NativeController, ctx: WorkerContext) => Promise<void>

/** Options of {@link createWorker}. */
export interface WorkerOptions {
  app: App
  /** The app's name. */
  name: string
  drivers: Readonly<Record<string, BoundDriver>>
  /** Name of the assets binding whose `/` answers navigations that nothing else does (`notFound: 'single-page-application'`). Default: none. */
  singlePageApplication?: string
  /** {@link runBatch}, and the bindings of the consumed queues by their names on the platform. Default: no consumer. */
  queue?: { run: QueueHalf; names: Readonly<Record<string, string>> }
  /** {@link runCrons}. Default: no crons. */
  scheduled?: CronHalf
  /** Only in builds made for tests. */
  testChannel?: TestChannel
}

/** A module Worker. */
export interface ModuleWorker {
  fetch(request: Request, env: NativeEnv, ctx: NativeContext): Response | Promise<Response>
  queue?(batch: NativeBatch, env: NativeEnv, ctx: NativeContext): Promise<void>
  scheduled?(controller: NativeController, env: NativeEnv, ctx: NativeContext): Promise<void>
}

/** The Worker of an app. Its env is made once per isolate, at the first event. */
export function createWorker(options: WorkerOptions): ModuleWorker {
  let current: NativeEnv | undefined
  let ready: Runtime | undefined

  // A promise must not be shared between requests in workerd, so events that meet before the first has its runtime each make one; drivers do no I/O for it.
  const start = async (env: NativeEnv): Promise<Runtime> => {
    const runtime = await createRuntime({
      app: options.app,
      name: options.name,
      drivers: options.drivers,
      variable: (name) => text(env[name]),
      native: (binding) => env[constantCase(binding)],
    })
    current = env
    ready = runtime
    return runtime
  }
  const runtimeOf = (env: NativeEnv): Runtime | Promise<Runtime> => (ready !== undefined && current === env ? ready : start(env))

  const answer = (runtime: Runtime, request: Request, env: NativeEnv, native: NativeContext): Response | Promise<Response> => {
    const ctx = new WorkerContext(native)
    const response = options.testChannel === undefined ? respond(runtime, request, ctx, options) : withTestChannel(options.testChannel, runtime, request, env, ctx, options)
    if (!('then' in response)) {
      ctx.answered()
      return response
    }
    return response.then((result) => {
      ctx.answered()
      return result
    })
  }

  const worker: ModuleWorker = {
    fetch(request, env, native) {
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
  if (queue !== undefined) worker.queue = async (batch, env, native) => queue.run(await runtimeOf(env), batch, queue.names, new WorkerContext(native))
  if (scheduled !== undefined) worker.scheduled = async (controller, env, native) => scheduled(await runtimeOf(env), controller, new WorkerContext(native))
  return worker
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function respond(runtime: Runtime, request: Request, ctx: WorkerContext, options: WorkerOptions): Response | Promise<Response> {
  const response = runtime.fetch(request, ctx)
  return options.singlePageApplication === undefined ? response : orPage(response, runtime, request)
}

async function orPage(pending: Response | Promise<Response>, runtime: Runtime, request: Request): Promise<Response> {
  const response = await pending
  if (response.status !== 404 || (request.method !== 'GET' && request.method !== 'HEAD')) return response
  const page = await runtime.assets?.serve(new Request(new URL('/', request.url), request))
  if (page === undefined) return response
  await response.body?.cancel()
  return page
}

async function withTestChannel(channel: TestChannel, runtime: Runtime, request: Request, env: NativeEnv, ctx: WorkerContext, options: WorkerOptions): Promise<Response> {
  return (await channel(runtime, request, ctx, text(env['UNMOOR_TEST_TOKEN']))) ?? respond(runtime, request, ctx, options)
}
