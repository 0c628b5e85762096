import type { App, CronEvent } from '../../app.ts'
import type { QueueBatch } from '../../bindings/queue.ts'
import { BUILT } from '../../runtime/built.ts'
import type { Context } from '../../context.ts'
import { answerNavigation, createAssetsFetcher } from './assets.ts'
import { checkModule } from './check-module.ts'
import { withContext, WorkerContext } from './context.ts'
import { ringDue } from './durable/alarms.ts'
import { encodeAnswer, isStreamed, settled } from './encode-body.ts'
import { callHandler, handles, openEntrypoint, type Target } from './entrypoint.ts'
import { createExports } from './exports.ts'
import { extendFetch } from './globals.ts'
import { declareLength } from './known-length.ts'
import { createMessageBatch } from './queue.ts'
import { readAsBytes } from './header-text.ts'
import { setCf } from './request-extras.ts'
import { setExportedStubs } from './loopback.ts'
import { serviceWorkerHandlers } from './service-worker.ts'
import { answerService } from './service.ts'
import type { WorkerSpec } from './spec.ts'
import { currentSpec, state } from './state.ts'

type Env = Readonly<Record<string, unknown>>

/**
 * Creates an app from a Worker's module: its handlers receive Cloudflare's shapes over the app's bindings.
 * Called by the generated entry of a build with `--worker`.
 *
 * @throws `InvalidArgument` or `Unsupported` if the module lacks a handler or class that the wrangler file
 * names, or has a handler that no target supports.
 */
export function createWorkerApp(exported: Readonly<Record<string, unknown>>, _ready: true): App {
  const spec = currentSpec()
  const module = spec.serviceWorker === true ? { default: serviceWorkerHandlers() } : exported
  if (!BUILT) state.warnings.push(...checkModule(module, spec))
  state.module = module
  setExportedStubs(createExports(module, spec.objects?.classes ?? []))
  const main = module['default']
  return {
    ...(BUILT ? {} : { warnings: state.warnings }),
    bindings: spec.declarations,
    upgrades: state.webSockets?.server,
    clientHeader: 'cf-connecting-ip',
    fetch: createFetch(main, spec),
    queues: Object.fromEntries(
      Object.entries(spec.consumers).map(([binding, queue]) => [
        binding,
        (batch: QueueBatch, env: Env, ctx: Context) =>
          run('queue', createMessageBatch(queue, batch), env, ctx),
      ]),
    ),
    crons: Object.fromEntries(
      Object.entries(spec.crons).map(([name, { schedule, cron }]) => [
        name,
        {
          schedule,
          run: (event: CronEvent, env: Env, ctx: Context) =>
            name === spec.objects?.cron ? wake(env) : run('scheduled', controller(event, cron), env, ctx),
        },
      ]),
    ),
  } as App
}

/** Returns the Worker's fetch handler; a Worker without one serves its assets only. */
function createFetch(
  main: unknown,
  spec: WorkerSpec,
): ((request: Request, env: Env, ctx: Context) => Promise<Response>) | undefined {
  if (handles(main, 'fetch')) return answerFetch
  const { assets } = spec
  if (assets === undefined) return undefined
  return (request, env) => {
    state.portable = env
    return createAssetsFetcher(assets).fetch(request, { redirect: 'manual' })
  }
}

/** Runs due alarms of Durable Objects, also alarms that an earlier process left. */
async function wake(env: Env): Promise<void> {
  state.portable = env
  await ringDue()
}

function controller(event: CronEvent, cron: string): object {
  return { cron, scheduledTime: event.scheduledTime, type: 'scheduled', noRetry: () => event.noRetry() }
}

function open(ctx: WorkerContext): Target {
  return openEntrypoint(state.module, 'default', ctx, state.env) as Target
}

async function run(event: 'queue' | 'scheduled', payload: object, env: Env, context: Context): Promise<void> {
  extendFetch()
  state.portable = env
  const ctx = new WorkerContext(context)
  await withContext(ctx, () => callHandler(open(ctx), event, payload, state.env, ctx))
}

function answerFetch(request: Request, env: Env, context: Context): Promise<Response> {
  extendFetch()
  state.portable = env
  const ctx = new WorkerContext(context)
  setCf(request, CF)
  return withContext(ctx, async () => {
    if (currentSpec().serviceToken !== undefined) {
      const answer = await answerService(request, ctx)
      if (answer !== undefined) return answer
    }
    const page = await answerNavigation(currentSpec(), request)
    if (page !== undefined) return page
    const answer = (await callHandler(open(ctx), 'fetch', request, state.env, ctx)) as Response
    if (!(answer instanceof Response)) return answer
    state.webSockets?.check(request, answer)
    if (answer.status === 101) return answer
    declareLength(answer)
    if (isStreamed(answer)) await settled()
    const encoded = encodeAnswer(request, answer)
    readAsBytes(encoded.headers)
    return encoded
  })
}

/**
 * Value of `request.cf`: facts that only Cloudflare's edge knows. Fields that a Worker may read say
 * "unknown"; `XX` is Cloudflare's own country code for that.
 */
const CF = Object.freeze({
  colo: 'XXX',
  country: 'XX',
  continent: undefined,
  city: undefined,
  region: undefined,
  timezone: 'UTC',
  asn: 0,
  asOrganization: '',
  httpProtocol: 'HTTP/1.1',
  tlsVersion: '',
  tlsCipher: '',
  clientTcpRtt: 0,
  requestPriority: '',
  edgeRequestKeepAliveStatus: 1,
})
