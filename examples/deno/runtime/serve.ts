/** Run-time half of the adapter, which server.mjs calls. */
import { isUnmoorError, UnmoorError, type MigrateReport } from 'unmoor/adapter'
import {
  consumedQueues,
  consumeQueues,
  createRuntime,
  migrate,
  setDefaultVariables,
  type App,
  type BoundDriver,
  type Migration,
  type Runtime,
  type TestChannel,
} from 'unmoor/runtime'
import { startCrons } from './crons.ts'
import { Deno } from './deno.ts'
import { startServer, type Handler } from './http.ts'
import { REPORT, type Report } from './report.ts'
import { installFetch } from './web.ts'

// `fetch` is replaced before the app's modules load, because they may keep a reference to the global.
installFetch()

// Default variables are set before the app's modules load.
setDefaultVariables(process.env)

/** Options that the generated entry passes to {@link serve}. */
export interface ServeOptions {
  app: App
  name: string
  drivers: Readonly<Record<string, BoundDriver>>
  /** Migrations by sql binding. */
  migrations: Readonly<Record<string, readonly Migration[]>>
  /** Folder of the artifact. */
  dir: string
  testChannel?: TestChannel
}

const STOP_SECONDS = 30

/**
 * Runs the artifact: `server.mjs` serves, and `server.mjs migrate` applies migrations and ends. Settings:
 * PORT (3000), HOST (127.0.0.1), DATA_DIR (`data`), and the app's variables.
 */
export async function serve(options: ServeOptions): Promise<void> {
  try {
    if (Deno.args[0] === 'migrate') await migrateOnly(options)
    else await run(options)
  } catch (error) {
    const known = isUnmoorError(error)
    console.error(known ? `error: ${error.message}` : error)
    if (known) tell({ type: 'failed', error: error.toJSON() })
    Deno.exit(1)
  }
}

function tell(report: Report): void {
  console.log(`${REPORT}${JSON.stringify(report)}`)
}

async function migrateOnly(options: ServeOptions): Promise<void> {
  const runtime = await open(options, undefined)
  try {
    tell({ type: 'migrated', report: await migrateAll(runtime, options) })
  } finally {
    await runtime.close()
  }
}

async function run(options: ServeOptions): Promise<void> {
  const ready = Promise.withResolvers<Handler>()
  ready.promise.catch(() => {})
  // The server listens before the app is ready, so that the app can call itself by its URL. Requests wait
  // until the app is ready.
  const server = await startServer(async (request, ctx) => (await ready.promise)(request, ctx), {
    port: readPort(),
    host: Deno.env.get('HOST') ?? '127.0.0.1',
  })
  const runtime = await open(options, server.url)
  await migrateAll(runtime, options)
  ready.resolve(composeHandler(runtime, options.testChannel))
  const consumers = consumeQueues(consumedQueues(runtime), {
    handle: (binding, messages, ctx) => runtime.queue(binding, messages, ctx),
  })
  const crons = startCrons(runtime)
  stopOnSignals(async () => {
    const work = Promise.all([consumers.stop(), crons.stop()])
    const late = new Promise<false>((resolve) => setTimeout(() => resolve(false), STOP_SECONDS * 1000))
    const finished = await Promise.all([
      server.stop(STOP_SECONDS),
      Promise.race([work.then(() => true), late]),
    ])
    await runtime.close()
    return finished.every(Boolean)
  })
  tell({ type: 'listening', url: server.url, runtime: `deno ${Deno.version.deno}` })
}

function open({ app, name, drivers, dir }: ServeOptions, ownUrl: string | undefined): Promise<Runtime> {
  const dataDir = Deno.env.get('DATA_DIR') ?? 'data'
  const variable = (variableName: string): string | undefined => Deno.env.get(variableName)
  return createRuntime({
    app,
    name,
    drivers: withDefaults(app, name, drivers, dir, ownUrl),
    variable,
    dataDir,
  })
}

/**
 * Adds default options to drivers: the files driver reads the artifact's copy of the assets, and a service
 * that is this app itself is called at its own URL.
 */
function withDefaults(
  app: App,
  name: string,
  drivers: ServeOptions['drivers'],
  dir: string,
  ownUrl: string | undefined,
): ServeOptions['drivers'] {
  return Object.fromEntries(
    Object.entries(drivers).map(([binding, bound]) => {
      const declaration = app.bindings[binding]
      const defaults =
        declaration?.kind === 'assets'
          ? { directory: `${dir}/assets` }
          : declaration?.kind === 'service' && (declaration.app ?? binding) === name && ownUrl !== undefined
            ? { url: ownUrl }
            : {}
      return [binding, { ...bound, options: { ...defaults, ...bound.options } }]
    }),
  )
}

async function migrateAll(runtime: Runtime, { migrations }: ServeOptions): Promise<MigrateReport> {
  const report: Record<string, MigrateReport[string]> = {}
  for (const [binding, list] of Object.entries(migrations))
    report[binding] = await migrate(runtime.sqlDriver(binding), binding, list)
  return report
}

/**
 * Creates the handler of requests. It tries the test channel, if the build has one, then a static file, then
 * the app.
 */
function composeHandler(runtime: Runtime, testChannel: TestChannel | undefined): Handler {
  return async (request, ctx) =>
    (await testChannel?.(runtime, request, ctx, Deno.env.get('UNMOOR_TEST_TOKEN'))) ??
    (await runtime.assets?.serve(request)) ??
    runtime.fetch(request, ctx)
}

/**
 * Stops the server on SIGTERM, on SIGINT, or when the parent that holds stdin has ended. A second signal
 * exits at once.
 */
function stopOnSignals(stop: () => Promise<boolean>): void {
  let stopping = false
  const begin = (exitCode: number): void => {
    if (stopping) Deno.exit(1)
    stopping = true
    void stop().then(
      (finished) => Deno.exit(finished ? exitCode : 1),
      (error: unknown) => {
        console.error('The stop failed:', error)
        Deno.exit(1)
      },
    )
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) Deno.addSignalListener(signal, () => begin(0))
  if (Deno.env.get('UNMOOR_STDIN') === 'parent')
    void drain(Deno.stdin.readable).then(() => stopping || begin(0))
  addEventListener('unhandledrejection', (event) => {
    event.preventDefault()
    console.error('Unhandled rejection:', event.reason)
  })
  // One request's uncaught error must not end the server. Deno does not tell which request an error in a
  // timer belongs to, so no such error ends the server.
  addEventListener('error', (event) => {
    event.preventDefault()
    console.error('Uncaught exception:', event.error)
  })
}

async function drain(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const _ of stream);
}

function readPort(): number {
  const text = Deno.env.get('PORT') ?? '3000'
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new UnmoorError('InvalidArgument', `PORT is "${text}", not a number from 0 to 65535.`, {
      operation: 'start',
    })
  return port
}
