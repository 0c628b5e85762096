/** Reads an existing Worker from its wrangler file, as a project that builds into an unmoor app. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import type { DriverSpec, Log } from '../../../adapter.ts'
import { constantCase } from '../../../bindings/declarations.ts'
import type { AnyConfig } from '../../../config.ts'
import { UnmoorError } from '../../../errors.ts'
import type { WorkerSpec } from '../../../compat/workers/spec.ts'
import type { HiddenAssets } from '../assets.ts'
import {
  checkConfigured,
  type NeedsDriver,
  readAi,
  readDatasets,
  readRateLimits,
} from '../wrangler/configured.ts'
import { createDraft, readOthers, readStores, readVariables, SERVICE_TOKEN } from '../wrangler/bindings.ts'
import { readObjects } from '../wrangler/objects.ts'
import { OBJECT_ALARMS } from '../../../runtime/object-alarms.ts'
import { readCrons } from '../wrangler/crons.ts'
import { appName } from '../wrangler/names.ts'
import { readQueues } from '../wrangler/queues.ts'
import { parse } from '../syntax.ts'
import type { CompiledFunctions } from './functions.ts'
import { generatedFolder, MANIFEST_FILE, readLayout } from './layout.ts'
import { type ModuleRule, readRules } from './rules.ts'
import { readBlobs } from '../wrangler/site.ts'
import { readSettings, refuse, type Settings } from '../wrangler/settings.ts'
import { type KeyPath, readWranglerFile } from '../wrangler/file.ts'

/** An existing Worker as read from its wrangler file. */
export interface WorkerProject {
  readonly spec: WorkerSpec
  /** Name of the app, derived from the Worker's name. */
  readonly name: string
  /** Absolute path of the Worker's main module; undefined for a Worker that only has assets. */
  readonly main: string | undefined
  /** Absolute path of the author's code, a folder or a file; undefined for a Worker that only has assets. */
  readonly source: string | undefined
  /** Compiled functions of a Pages project, from which the main module is generated. */
  readonly functions: CompiledFunctions | undefined
  /**
   * Returns true if a file of the assets folder is not an asset; used instead of an `.assetsignore`. Default:
   * `.assetsignore` decides.
   */
  readonly isHidden: HiddenAssets | undefined
  readonly rules: readonly ModuleRule[]
  readonly define: Readonly<Record<string, string>>
  readonly alias: Readonly<Record<string, string>>
  /** Bundle settings of the wrangler file, with wrangler's defaults. */
  readonly bundle: { readonly minify: boolean; readonly keepNames: boolean }
  /**
   * Default drivers of a Worker's bindings, for all targets (`drivers`) and by target (`targetDrivers`).
   * Drivers in the config take precedence.
   */
  readonly drivers: Readonly<Record<string, DriverSpec>>
  readonly targetDrivers: Readonly<Record<string, Readonly<Record<string, DriverSpec>>>>
  /** Bindings of the Worker without a default driver, for which the config must name a driver. */
  readonly needed: readonly NeedsDriver[]
  /** Absolute path of the wrangler file's folder. */
  readonly dir: string
  /** Class names of the Worker's Durable Objects. */
  readonly objects: readonly string[]
  /** Names of Cloudflare-only features that may stay in the bundle (`--allow`). */
  readonly allow: readonly string[]
  /** True if another build generated the Worker's main module, libraries included. */
  readonly isGenerated: boolean
}

/** Options of {@link readWorker}. */
export interface ReadOptions {
  /** Absolute path of the wrangler file, or of a folder that has one. */
  file: string
  environment?: string | undefined
  /** Absolute path of the Worker's main module, overriding `main` of the wrangler file. */
  main?: string | undefined
  /**
   * Names of Cloudflare-only features that may stay in the bundle, see {@link WorkerProject.allow}. Default:
   * none.
   */
  allow?: readonly string[] | undefined
  /** Targets of the build: refusals of the Worker by a single target are reported with all others. */
  targets?: readonly string[] | undefined
  projectDir: string
  log: Log
  /**
   * If true, wrangler compiles the functions of a Pages project, which takes seconds and is not needed when
   * an artifact exists. Default: true.
   */
  compile?: boolean | undefined
  /**
   * Config that names drivers for bindings without a default driver; such a binding without a driver is
   * refused. `assumed` skips this check. Default: empty.
   */
  config?: Pick<AnyConfig, 'drivers' | 'targets'> | 'assumed' | undefined
  /** Called with the messages of all refusals of the Worker instead of throwing an error. */
  onRefused?: ((messages: string[]) => void) | undefined
}

/**
 * Reads a Worker from its wrangler file. @throws `InvalidArgument`, `NotFound` or `Unsupported`, naming file,
 * line and key of everything that is refused.
 */
export async function readWorker(options: ReadOptions): Promise<WorkerProject> {
  const file = await readWranglerFile(options.file, {
    log: options.log,
    optional: options.main !== undefined,
  })
  const settings = readSettings(file, options.environment, options.log)
  const { problems } = settings
  const name = problems.attempt(() => readName(settings)) ?? 'worker'
  const draft = createDraft(settings)
  const devVars = await devVariables(file.dir, options.environment)
  problems.attempt(() => readVariables(settings, draft, devVars))
  const needed = [
    ...readDatasets(settings, draft),
    ...(problems.attempt(() => readAi(settings, draft)) ?? []),
  ]
  if (options.config !== 'assumed') checkConfigured(settings, needed, options.config ?? {}, options.targets)
  const databases = readStores(settings, draft, options.projectDir)
  const consumers = readQueues(settings, draft)
  readOthers(settings, draft, name)
  const { compile = true, projectDir } = options
  const layout = await readLayout(settings, draft, { projectDir, main: options.main, compile, name })
  const { main, source, functions, assets, routes, site, isHidden } = layout
  const serviceWorker = !layout.isModule && (await isServiceWorker(main))
  readBlobs(settings, draft, serviceWorker)
  if (site !== undefined && serviceWorker)
    draft.bind(MANIFEST, ['site'], { type: 'text', value: JSON.stringify(site.manifest) })
  const counters = readRateLimits(settings, draft)
  const objects = readObjects(settings, draft, name)
  const crons = { ...problems.attempt(() => readCrons(file, settings.get('triggers'))) }
  const storage = objectStorage(objects, draft, crons)
  const cache = draft.names.take('workerCache')
  draft.declarations[cache] = { kind: 'cache' }
  const flags = settings.get('compatibility_flags')
  const spec: WorkerSpec = {
    name,
    env: draft.env,
    declarations: draft.declarations,
    consumers,
    crons,
    objects: storage,
    assets,
    routes,
    site,
    cache,
    serviceToken: Object.hasOwn(draft.declarations, SERVICE_TOKEN) ? SERVICE_TOKEN : undefined,
    serviceWorker: serviceWorker || undefined,
    compatibilityDate: readText(settings, 'compatibility_date') ?? '2021-11-02',
    compatibilityFlags: Array.isArray(flags?.value) ? (flags.value as string[]) : [],
  }
  const worker: WorkerProject = {
    spec,
    name: appName(name),
    main,
    source,
    functions,
    isHidden,
    rules: problems.attempt(() => readRules(settings)) ?? [],
    define: readTexts(settings, 'define'),
    bundle: {
      minify: problems.attempt(() => readSwitch(settings, 'minify', false)) ?? false,
      keepNames: problems.attempt(() => readSwitch(settings, 'keep_names', true)) ?? true,
    },
    alias: {
      ...readAlias(settings),
      ...(site === undefined ? {} : { [MANIFEST]: join(generatedFolder(projectDir, name), MANIFEST_FILE) }),
    },
    dir: file.dir,
    ...workerDrivers(databases, counters),
    needed,
    objects,
    allow: options.allow ?? [],
    isGenerated: isGenerated(settings, main, options.projectDir),
  }
  // Refusals of the Worker by a single target are reported together with its refusals by all targets.
  for (const target of options.targets ?? []) problems.attempt(() => checkTarget(worker, target))
  if (options.onRefused === undefined) problems.throwAll()
  else options.onRefused(problems.messages)
  return worker
}

/**
 * Declares the storage of Durable Objects and the cron for their alarms; returns undefined if the Worker has
 * no such classes.
 */
function objectStorage(
  classes: WorkerProject['objects'],
  draft: ReturnType<typeof createDraft>,
  crons: Record<string, { schedule: string; cron: string }>,
): WorkerSpec['objects'] {
  if (classes.length === 0) return undefined
  const binding = draft.names.take('workerObjects')
  draft.declarations[binding] = { kind: 'objects' }
  crons[OBJECT_ALARMS] = { schedule: '* * * * *', cron: '* * * * *' }
  return { binding, cron: OBJECT_ALARMS, classes }
}

/** Name of the module, or of the global in Service Worker syntax, that maps a site's paths to file keys. */
const MANIFEST = '__STATIC_CONTENT_MANIFEST'

/** Reads `alias` of a wrangler file; relative paths start at the file's folder. */
function readAlias(settings: Settings): Record<string, string> {
  const { dir } = settings.file
  return Object.fromEntries(
    Object.entries(readTexts(settings, 'alias')).map(([name, path]) => [
      name,
      path.startsWith('.') ? resolve(dir, path) : path,
    ]),
  )
}

/**
 * Default drivers for a Worker's D1 databases, with D1's rules for large integers, and for its rate limits,
 * which each process counts by itself.
 */
function workerDrivers(
  databases: readonly string[],
  counters: readonly string[],
): Pick<WorkerProject, 'drivers' | 'targetDrivers'> {
  return {
    drivers: {
      ...Object.fromEntries(databases.map((binding) => [binding, { driver: 'sqlite', ...LIKE_D1 }])),
      ...Object.fromEntries(counters.map((binding) => [binding, { driver: 'memory' }])),
    },
    // On Lambda, a D1 database is a SQLite file on a mounted shared file system.
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

/** Options of the sqlite driver for D1 databases, which allow what D1 allows and unmoor's own sql refuses. */
const LIKE_D1 = { integers: 'round', doubleQuotedStrings: true, allows: 'd1' } as const

function readName(settings: Settings): string {
  const found = settings.get('name')
  const { file, environment } = settings
  if (found === undefined) return refuse(file, ['name'], 'the Worker has no name. Add "name".')
  if (typeof found.value !== 'string' || found.value === '')
    return refuse(file, found.at, 'it is a text such as "my-worker".')
  // All environments of a Pages project share its name, while an environment of a Worker is a Worker of its
  // own.
  const isPages = settings.get('pages_build_output_dir') !== undefined
  return environment !== undefined && found.at.length === 1 && !isPages
    ? `${found.value}-${environment}`
    : found.value
}

function readText(settings: Settings, key: string): string | undefined {
  const { problems, file } = settings
  const found = settings.get(key)
  if (found === undefined || typeof found.value === 'string') return found?.value as string | undefined
  problems.attempt(() => refuse(file, found.at, 'it is a text.'))
  return undefined
}

/**
 * Matches paths of Workers in the usual output folders of frameworks, which are not under version control.
 */
const OUTPUT = /[\\/](?:\.[^\\/.][^\\/]*|dist|build)[\\/]/

function isGenerated(settings: Settings, main: string | undefined, projectDir: string): boolean {
  if (settings.get('no_bundle')?.value === true) return true
  return main !== undefined && OUTPUT.test(`/${relative(projectDir, main)}`)
}

/**
 * True if the main module uses the Service Worker syntax: like wrangler, this checks that the module has no
 * export.
 */
async function isServiceWorker(main: string | undefined): Promise<boolean> {
  if (main === undefined) return false
  const code = await readFile(main, 'utf8')
  if (/\b(?:module\.exports|exports\s*[.[])/.test(code)) return false
  const { program, errors } = await parse(main, code)
  return errors.length === 0 && !program.body.some(({ type }) => type.startsWith('Export'))
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
    if (typeof value !== 'string')
      settings.problems.attempt(() => refuse(settings.file, [...at, name], 'it is a text.'))
  return found.value as Record<string, string>
}

/**
 * Names of the variables in `.dev.vars`, the secrets for developing a Worker. Their values never get into an
 * artifact.
 */
async function devVariables(dir: string, environment: string | undefined): Promise<string[]> {
  return Object.keys(await readDevVariables(dir, environment))
}

/** Reads the variables in `.dev.vars.ENVIRONMENT`, else in `.dev.vars`, for a local start. */
export async function readDevVariables(
  dir: string,
  environment: string | undefined,
): Promise<Record<string, string>> {
  const files = environment === undefined ? ['.dev.vars'] : [`.dev.vars.${environment}`, '.dev.vars']
  const path = files.map((file) => join(dir, file)).find((file) => existsSync(file))
  // The type of parseEnv allows undefined values, which an env file cannot contain.
  return path === undefined ? {} : (parseEnv(await readFile(path, 'utf8')) as Record<string, string>)
}

/**
 * Returns the config with the Worker's default drivers added; drivers that the config names take precedence.
 */
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

/** Refuses a target that cannot run the Worker. @throws `Unsupported`. */
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
