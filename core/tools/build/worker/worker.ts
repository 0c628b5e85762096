/** An existing Worker as a project: its wrangler file read, and the entry that makes an unmoor app of it. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import type { DriverSpec, Log } from '../../../adapter.ts'
import { constantCase } from '../../../bindings/declarations.ts'
import type { AnyConfig } from '../../../config.ts'
import { UnmoorError } from '../../../errors.ts'
import type { WorkerSpec } from '../../../compat/workers/spec.ts'
import {
  createDraft,
  readAssets,
  readObjects,
  readOthers,
  readStores,
  readVariables,
  SERVICE_TOKEN,
} from '../wrangler/bindings.ts'
import { readCrons } from '../wrangler/crons.ts'
import { appName } from '../wrangler/names.ts'
import { readQueues } from '../wrangler/queues.ts'
import { type ModuleRule, readRules } from './rules.ts'
import { readSettings, refuse, type Settings } from '../wrangler/settings.ts'
import { type KeyPath, readWranglerFile } from '../wrangler/file.ts'

/** A Worker that was read. */
export interface WorkerProject {
  readonly spec: WorkerSpec
  /** The app's name. */
  readonly name: string
  /** The Worker's main module, absolute; undefined where it has assets alone. */
  readonly main: string | undefined
  readonly rules: readonly ModuleRule[]
  readonly define: Readonly<Record<string, string>>
  readonly alias: Readonly<Record<string, string>>
  /** Wrangler's own settings of bundles, with its defaults. */
  readonly bundle: { readonly minify: boolean; readonly keepNames: boolean }
  /** Drivers where the config names none, on every target and by target. */
  readonly drivers: Readonly<Record<string, DriverSpec>>
  readonly targetDrivers: Readonly<Record<string, Readonly<Record<string, DriverSpec>>>>
  /** Folder of the wrangler file, absolute. */
  readonly dir: string
  /** Classes of Durable Objects. */
  readonly objects: readonly string[]
  /** Names of what may stay in a bundle though only Cloudflare has it. */
  readonly allow: readonly string[]
}

/**
 * Reads a Worker's wrangler file. @throws `InvalidArgument`, `NotFound` or `Unsupported` naming file, line
 * and key.
 */
export async function readWorker(options: {
  file: string
  environment?: string | undefined
  /** See {@link WorkerProject.allow}. Default: none. */
  allow?: readonly string[] | undefined
  projectDir: string
  log: Log
}): Promise<WorkerProject> {
  const file = await readWranglerFile(options.file)
  const settings = readSettings(file, options.environment, options.log)
  const name = readName(settings)
  const main = readMain(settings)
  const draft = createDraft(settings)
  readVariables(settings, draft, await devVariables(file.dir, options.environment))
  const databases = readStores(settings, draft, options.projectDir)
  const consumers = readQueues(settings, draft)
  readOthers(settings, draft, name)
  const assets = readAssets(settings, draft, options.projectDir, main !== undefined)
  const objects = readObjects(settings, draft, name)
  const crons: Record<string, { schedule: string; cron: string }> = {
    ...readCrons(file, settings.get('triggers')),
  }
  const storage =
    objects.length === 0 ? undefined : { binding: draft.names.take('workerObjects'), cron: 'objectAlarms' }
  if (storage !== undefined) {
    draft.declarations[storage.binding] = { kind: 'objects' }
    crons[storage.cron] = { schedule: '* * * * *', cron: '* * * * *' }
  }
  const cache = draft.names.take('workerCache')
  draft.declarations[cache] = { kind: 'cache' }
  const text = (key: string, standard: string): string => {
    const found = settings.get(key)
    if (found === undefined) return standard
    return typeof found.value === 'string' ? found.value : refuse(file, found.at, 'it is a text.')
  }
  const flags = settings.get('compatibility_flags')
  const spec: WorkerSpec = {
    name,
    env: draft.env,
    declarations: draft.declarations,
    consumers,
    crons,
    objects: storage,
    assets,
    cache,
    serviceToken: Object.hasOwn(draft.declarations, SERVICE_TOKEN) ? SERVICE_TOKEN : undefined,
    compatibilityDate: text('compatibility_date', '2021-11-02'),
    compatibilityFlags: Array.isArray(flags?.value) ? (flags.value as string[]) : [],
  }
  return {
    spec,
    name: appName(name),
    main,
    rules: readRules(settings),
    define: readTexts(settings, 'define'),
    bundle: {
      minify: readSwitch(settings, 'minify', false),
      keepNames: readSwitch(settings, 'keep_names', true),
    },
    alias: Object.fromEntries(
      Object.entries(readTexts(settings, 'alias')).map(([name, path]) => [
        name,
        path.startsWith('.') ? resolve(file.dir, path) : path,
      ]),
    ),
    dir: file.dir,
    ...databaseDrivers(databases),
    objects,
    allow: options.allow ?? [],
  }
}

function databaseDrivers(databases: readonly string[]): Pick<WorkerProject, 'drivers' | 'targetDrivers'> {
  return {
    // D1 rounds large integers where unmoor's own sql refuses them.
    drivers: Object.fromEntries(databases.map((binding) => [binding, { driver: 'sqlite', ...LIKE_D1 }])),
    // D1 is SQLite: on Lambda it is a file on a shared file system that is mounted there.
    targetDrivers: {
      lambda: Object.fromEntries(
        databases.map((binding) => [
          binding,
          { driver: 'sqlite', ...LIKE_D1, journal: 'delete', path: { env: `${constantCase(binding)}_PATH` } },
        ]),
      ),
    },
  }
}

/** What D1 allows and unmoor's own sql does not. */
const LIKE_D1 = { integers: 'round', doubleQuotedStrings: true } as const

function readName(settings: Settings): string {
  const found = settings.get('name')
  const { file, environment } = settings
  if (found === undefined) return refuse(file, ['name'], 'the Worker has no name. Add "name".')
  if (typeof found.value !== 'string' || found.value === '')
    return refuse(file, found.at, 'it is a text such as "my-worker".')
  return environment !== undefined && found.at.length === 1 ? `${found.value}-${environment}` : found.value
}

function readMain(settings: Settings): string | undefined {
  const { file } = settings
  const found = settings.get('main')
  if (found === undefined) {
    if (settings.get('assets') !== undefined) return undefined
    return refuse(file, ['main'], 'the Worker has no entry. Add "main", the path of its module.')
  }
  if (typeof found.value !== 'string') return refuse(file, found.at, 'it is the path of a module.')
  const path = resolve(file.dir, found.value)
  if (!existsSync(path))
    refuse(
      file,
      found.at,
      `there is no file ${path}. Correct "main", or run the command that builds it first.`,
    )
  if (path.endsWith('.py')) refuse(file, found.at, 'Python Workers run on Cloudflare only.', 'Unsupported')
  return path
}

function readSwitch(settings: Settings, key: string, standard: boolean): boolean {
  const found = settings.get(key)
  if (found === undefined) return standard
  return typeof found.value === 'boolean'
    ? found.value
    : refuse(settings.file, found.at, 'it is true or false.')
}

function readTexts(settings: Settings, key: string): Record<string, string> {
  const found = settings.get(key)
  if (found === undefined) return {}
  const at: KeyPath = found.at
  for (const [name, value] of Object.entries(found.value as Record<string, unknown>))
    if (typeof value !== 'string') refuse(settings.file, [...at, name], 'it is a text.')
  return found.value as Record<string, string>
}

/**
 * Names in `.dev.vars`: the secrets that the Worker is developed with. Their values never get into an
 * artifact.
 */
async function devVariables(dir: string, environment: string | undefined): Promise<string[]> {
  return Object.keys(await readDevVariables(dir, environment))
}

/** Names and values of `.dev.vars` (of `.dev.vars.ENVIRONMENT` before it), for a local start. */
export async function readDevVariables(
  dir: string,
  environment: string | undefined,
): Promise<Record<string, string>> {
  const files = environment === undefined ? ['.dev.vars'] : [`.dev.vars.${environment}`, '.dev.vars']
  const path = files.map((file) => join(dir, file)).find((file) => existsSync(file))
  // parseEnv's type has undefined values, which a file cannot give.
  return path === undefined ? {} : (parseEnv(await readFile(path, 'utf8')) as Record<string, string>)
}

/**
 * Writes the entry beside the project's other generated files, so that the Worker's imports resolve as they
 * do from its own folder. Gives its path.
 */
export async function writeEntry(worker: WorkerProject, projectDir: string): Promise<string> {
  const folder = join(projectDir, '.unmoor', 'worker', worker.name)
  await mkdir(folder, { recursive: true })
  const main = worker.main === undefined ? undefined : relative(folder, worker.main).replaceAll('\\', '/')
  const spec = { ...worker.spec }
  // The setup is a module of its own: it has run when the Worker's modules begin to.
  await writeFile(
    join(folder, 'setup.mjs'),
    `import { setUpWorker } from 'unmoor/internal/workers'\nexport const ready = ` +
      `setUpWorker(${JSON.stringify(spec, null, 2)})\n`,
  )
  await writeFile(
    join(folder, 'app.mjs'),
    [
      `import { ready } from './setup.mjs'`,
      main === undefined
        ? `const worker = { default: {} }`
        : `import * as worker from ${JSON.stringify(main.startsWith('.') ? main : `./${main}`)}`,
      `import { createWorkerApp } from 'unmoor/internal/workers'`,
      `export default createWorkerApp(worker, ready)`,
      ``,
    ].join('\n'),
  )
  return join(folder, 'app.mjs')
}

/** The config with the Worker's own drivers below what it names. */
export function withWorkerDrivers(config: AnyConfig, worker: WorkerProject): AnyConfig {
  const targets = { ...config.targets }
  for (const [target, drivers] of Object.entries(worker.targetDrivers)) {
    if (Object.keys(drivers).length > 0)
      targets[target] = {
        ...targets[target],
        drivers: { ...drivers, ...config.drivers, ...targets[target]?.drivers },
      }
  }
  return { ...config, targets, drivers: { ...worker.drivers, ...config.drivers } }
}

/** What no target but these can run. @throws `Unsupported`. */
export function checkTarget(worker: WorkerProject, target: string): void {
  if (target === 'cloudflare')
    throw new UnmoorError(
      'Unsupported',
      'A Worker runs on Cloudflare as it is: deploy it with wrangler. --worker builds it for the ' +
        'targets node, isolate and lambda.',
      { operation: 'build' },
    )
  if (worker.objects.length > 0 && target !== 'node' && target !== 'isolate')
    throw new UnmoorError(
      'Unsupported',
      `The Worker has Durable Objects (${worker.objects.join(', ')}), which need one process that ` +
        `stays: the target "${target}" has none. Build for node or isolate, or keep the state in D1.`,
      { operation: 'build' },
    )
}
