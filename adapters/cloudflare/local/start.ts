import { mkdir, readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type {
  LocalRuntime,
  MigrateOptions,
  MigrateReport,
  RecordedReport,
  StartOptions,
} from '../../../core/adapter.ts'
import { constantCase } from '../../../core/bindings/declarations.ts'
import type { MigrationRun } from '../../../core/bindings/migrations.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { resolveOptions } from '../../../core/runtime/runtime.ts'
import type { PostgresOptions } from '../../drivers/postgres/index.ts'
import { SourceMapper } from '../../node-server/runtime/source-mapper.ts'
import { spawnHost, type Host } from './simulator-client.ts'
import type { SimulatorStart } from './simulator-protocol.ts'
import { migratePostgres } from './migrate-postgres.ts'
import { nodeFlags } from '../build/node-builtins.ts'
import { capabilities } from '../capabilities.ts'
import { checkOptions } from '../options.ts'
import { toSimulatorConfig, workerVariables, type WorkerModule } from './simulator.ts'
import { ASSETS_FOLDER, createWranglerConfig, type WranglerConfig, WORKER_FILE } from '../build/wrangler.ts'

/** Runs a Worker's artifact in workerd, over Miniflare's simulators of Cloudflare's services. */
export async function start(options: StartOptions): Promise<LocalRuntime> {
  const { port, host: address = '127.0.0.1' } = options
  const { config, request } = await prepare(options)
  if (port !== 0) await checkPort(port, address)
  const worker = join(options.dir, WORKER_FILE)
  // Names by which workerd's stack traces call the Worker's module.
  const names = [pathToFileURL(worker).href, basename(worker)]
  const mapper = new SourceMapper({ map: `${worker}.map`, names })
  const host = spawnHost((line) => options.onOutput?.(mapper.text(line)))
  const schedules = config.triggers?.crons ?? []
  const ready = await begin(host, { ...request, listen: { host: address, port }, schedules })
  for (const [binding, { applied }] of Object.entries(ready.migrated))
    if (applied.length > 0) options.log.info(`${binding}: applied ${applied.join(', ')}`)
  return {
    url: ready.url,
    runtime: ready.runtime,
    pids: ready.pids,
    // Each local start of a Worker is an isolated platform: its Durable Objects are not shared with another
    // start, hence no shared sockets.
    capabilities: { ...capabilities, 'sockets.shared': false },
    exited: host.exited,
    runCron: async (name, scheduledTime) => {
      const cron = options.info.manifest.crons[name]
      if (cron === undefined)
        throw new UnmoorError(
          'NotFound',
          `This app has no cron "${name}". It has: ` +
            `${Object.keys(options.info.manifest.crons).join(', ') || 'none'}.`,
          {
            operation: 'cron',
          },
        )
      await host.fire(cron, scheduledTime)
    },
    stop: () => host.stop(ready.pids),
  }
}

/** Applies database migrations to the simulator's databases, or to the Postgres origin at `url`. */
export async function migrate(options: MigrateOptions): Promise<MigrateReport> {
  // With Postgres databases, `url` is the server behind Hyperdrive whose database is migrated.
  const { url } = options
  const isPostgres = Object.values(options.info.drivers).some(({ driver }) => driver === 'postgres')
  if (url !== undefined && isPostgres) return migrateHere(options, url)
  if (url !== undefined) {
    throw new UnmoorError(
      'Unsupported',
      `D1 has no URL. Deploy from ${options.dir} and run "npx wrangler d1 migrations apply DATABASE ` +
        `--remote" there: the build wrote the migrations in wrangler's form.`,
      {
        operation: 'migrate',
      },
    )
  }
  // Database migrations need only the databases, so a missing secret must not stop them.
  const { request } = await prepare(options, false)
  const host = spawnHost(options.onOutput)
  const ready = await begin(host, request)
  await host.stop(ready.pids)
  return ready.migrated
}

/** Applies the migrations of Postgres databases behind Hyperdrive, from this process. */
async function migrateHere(
  { info, log }: Pick<StartOptions, 'info' | 'log'>,
  url: string,
): Promise<MigrateReport> {
  const report: Record<string, MigrationRun> = {}
  for (const [binding, spec] of Object.entries(info.drivers)) {
    if (spec.driver !== 'postgres') continue
    report[binding] = await migratePostgres(
      binding,
      { ...spec, url },
      info.manifest.name,
      info.migrations[binding] ?? [],
    )
    log.info(`${binding}: migrated`)
  }
  return report
}

/**
 * Starts the simulator over the local databases, applies no migration, and stops it. Returns the migrations
 * that the D1 databases have recorded.
 */
export async function readSimulator(options: MigrateOptions): Promise<RecordedReport> {
  const { request } = await prepare(options, false)
  const host = spawnHost(options.onOutput)
  const ready = await begin(host, { ...request, onlyReads: true })
  await host.stop(ready.pids)
  return ready.recorded
}

async function begin(host: Host, request: SimulatorStart): ReturnType<Host['start']> {
  try {
    return await host.start(request)
  } catch (error) {
    await host.stop([])
    throw error
  }
}

async function prepare(
  options: Omit<StartOptions, 'port' | 'host'>,
  serving = true,
): Promise<{ config: WranglerConfig; request: SimulatorStart }> {
  const { dir, info, dataDir } = options
  const { manifest, drivers, migrations } = info
  const migrated = Object.keys(migrations).filter(
    (binding) => (migrations[binding]?.length ?? 0) > 0 && drivers[binding]?.driver === 'cloudflare',
  )
  const config = createWranglerConfig({
    manifest,
    drivers,
    migrated,
    options: checkOptions(info.options, manifest),
    nodeFlags: nodeFlags(await readWorker(dir)),
  })
  const variables = serving ? workerVariables(manifest, drivers, config, options.variables) : {}
  if (serving && options.testToken !== undefined) variables['UNMOOR_TEST_TOKEN'] = options.testToken
  if (!serving) delete config.services
  const postgres = postgresUrls(options)
  const persist = join(dataDir, 'v3')
  await mkdir(persist, { recursive: true })
  const databases = Object.fromEntries(
    (config.d1_databases ?? []).map(({ binding, migrations_dir }) => [migrations_dir, binding]),
  )
  const request: SimulatorStart = {
    type: 'start',
    modules: await readModules(dir),
    simulator: toSimulatorConfig(config, {
      variables,
      assetsFolder: join(dir, ASSETS_FOLDER),
      hyperdrives: Object.fromEntries(
        Object.entries(postgres).map(([binding, { url }]) => [constantCase(binding), withPassword(url)]),
      ),
    }),
    persist,
    listen: undefined,
    migrations: Object.fromEntries(
      migrated.map((binding) => [
        binding,
        { native: databases[`migrations/${binding}`] as string, migrations: migrations[binding] ?? [] },
      ]),
    ),
    postgres: Object.fromEntries(
      Object.entries(postgres).map(([binding, { options: own }]) => [
        binding,
        { options: own, app: manifest.name, migrations: migrations[binding] ?? [] },
      ]),
    ),
    onlyReads: false,
    schedules: [],
  }
  return { config, request }
}

/**
 * Returns the local addresses of the Postgres databases that a Worker reaches through Hyperdrive. @throws
 * `NotFound` naming the variable that is not set.
 */
export function postgresUrls({
  info,
  variables,
}: Pick<StartOptions, 'info' | 'variables'>): Record<string, { url: string; options: PostgresOptions }> {
  const found: Record<string, { url: string; options: PostgresOptions }> = {}
  for (const [binding, spec] of Object.entries(info.drivers)) {
    if (spec.driver !== 'postgres') continue
    const resolved = resolveOptions(spec, binding, { variable: (name) => variables[name] }) as PostgresOptions
    const url = resolved.url ?? variables['DATABASE_URL']
    if (url === undefined)
      throw new UnmoorError(
        'NotFound',
        `Binding "${binding}": set DATABASE_URL to the database, such as ` +
          'postgres://user:password@host:5432/database.',
        {
          binding,
          operation: 'start',
        },
      )
    found[binding] = { url, options: { ...resolved, url } }
  }
  return found
}

/**
 * Adds a dummy password to a database URL that has none: Miniflare requires one, and a server without
 * authentication ignores it.
 */
function withPassword(text: string): string {
  const url = new URL(text)
  if (url.password === '') url.password = 'none'
  return url.href
}

function readWorker(dir: string): Promise<string> {
  return readFile(join(dir, WORKER_FILE), 'utf8').catch((error: unknown) => {
    throw new UnmoorError(
      'NotFound',
      `${join(dir, WORKER_FILE)} is not there. Run unmoor build --target cloudflare first.`,
      {
        operation: 'start',
        cause: error,
      },
    )
  })
}

/** Reads the Worker's modules: the main module first, then the modules that it imports. */
async function readModules(dir: string): Promise<WorkerModule[]> {
  const main = join(dir, WORKER_FILE)
  const folder = join(main, '..')
  const wasm = (await readdir(folder))
    .filter((name) => name.endsWith('.wasm'))
    .map((name): WorkerModule => ({ type: 'wasm', path: join(folder, name) }))
  return [{ type: 'esm', path: main }, ...wasm]
}

function checkPort(port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      const text =
        error.code === 'EADDRINUSE'
          ? `Port ${port} is in use. Stop what listens there, or pick another with --port.`
          : `Cannot listen on ${host}:${port}: ${error.message}`
      reject(new UnmoorError('Unavailable', text, { operation: 'start', cause: error, retryable: false }))
    })
    server.listen(port, host, () => server.close(() => resolve()))
  })
}
