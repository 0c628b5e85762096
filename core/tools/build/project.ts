import { existsSync, rmSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, isAbsolute, join, relative, resolve } from 'node:path'
import type { BuildContext, Log } from '../../adapter.ts'
import type { Migration } from '../../bindings/migrations.ts'
import type { AnyConfig } from '../../config.ts'
import type { Manifest } from '../../manifest.ts'
import { readAssets } from './assets.ts'
import { bundle } from './bundle.ts'
import { cleanAtExit } from './cleanup.ts'
import { APP_NAME, checkConfig, configError } from './config-check.ts'
import {
  changeDeclarations,
  checkResourceNames,
  chooseEnvironment,
  type DeclarationChanges,
  declarationChanges,
  environmentAppName,
  joinChanges,
} from './environments.ts'
import { linkPackages } from './native-packages.ts'
import { telemetryDeclarations } from './telemetry.ts'
import { startLoader, type Loader } from './loader.ts'
import { readAllMigrations } from './migrations.ts'
import { findWranglerFile } from './wrangler/file.ts'
import { ALLOWABLE } from './worker/unsupported.ts'
import { writeEntry } from './worker/entry.ts'
import { readWorker, withWorkerDrivers, type WorkerProject } from './worker/worker.ts'

/**
 * Names that a config file may have. A package that is CommonJS ("type": "commonjs") needs the endings .mts
 * or .mjs: Node refuses `import` in its .ts and .js files.
 */
export const CONFIG_FILES: readonly string[] = [
  'unmoor.config.ts',
  'unmoor.config.mts',
  'unmoor.config.js',
  'unmoor.config.mjs',
]

/** A project's settings without the app itself: enough for commands that only need an artifact. */
export interface LoadedSettings {
  projectDir: string
  /** The config, with the chosen environment merged over it; `environments` has that one alone. */
  config: AnyConfig
  /**
   * Name of the chosen environment of the config; undefined for none, and for an existing Worker, whose
   * environments are those of its wrangler file.
   */
  environment: string | undefined
  /** Names of all environments of the config. */
  environments: readonly string[]
  /** Absolute path of the folder for local data, which has a subfolder per target. */
  dataDir: string
  /** Absolute path of the config file; undefined if the project has none. */
  configFile: string | undefined
}

/** A project's config with its defaults filled in. */
export interface LoadedConfig extends LoadedSettings {
  /** Name of the app: the config's, else that of the Worker or of package.json. */
  name: string
  /** Absolute path of the app's entry module. */
  entry: string
  /** The existing Worker that is built; undefined for an unmoor app. @internal */
  worker: WorkerProject | undefined
}

/**
 * Choice of an existing Cloudflare Worker to build: a wrangler file, relative to the project, and its
 * environment.
 */
export type WorkerChoice = NonNullable<AnyConfig['worker']>

/** A project read once, for the builds of any number of targets. */
export interface Project extends LoadedConfig {
  manifest: Manifest
  migrations: Readonly<Record<string, readonly Migration[]>>
  assets: BuildContext['assets']
  /** Changes that the config makes to the app's declarations; the manifest includes them. @internal */
  declarations: DeclarationChanges
  /** True if the app gets the route for `unmoor data`, `cron` and `queue` (`--data-route`). */
  dataRoute: boolean
}

/**
 * Reads the project's config, or uses `given` instead, and fills in the defaults.
 *
 * @throws `InvalidArgument` of the operation `config`, naming the file, the key and what it takes.
 */
export async function loadConfig(
  projectDir: string,
  options: {
    given?: AnyConfig | undefined
    loader?: Loader | undefined
    worker?: WorkerChoice | undefined
    /**
     * Environment to load, of the config or of the Worker's wrangler file. Default: none, or the config's.
     */
    environment?: string | undefined
    targets?: readonly string[] | undefined
    log?: Log | undefined
    /** If true, the functions of a Pages project are compiled, which bundling needs. Default: false. */
    compile?: boolean | undefined
  } = {},
): Promise<LoadedConfig> {
  const settings = await loadSettings(projectDir, options)
  const { projectDir: dir, config, configFile } = settings
  const file = configFile === undefined ? undefined : basename(configFile)
  const choice = options.worker ?? config.worker
  if (choice !== undefined)
    return loadWorker(settings, typeof choice === 'string' ? { config: choice } : choice, options)
  const label = options.given === undefined ? (file ?? 'unmoor.config.ts') : 'config'
  const entry = resolve(dir, config.entry ?? 'src/app.ts')
  if (!existsSync(entry)) {
    throw configError(
      config.entry === undefined
        ? 'There is no src/app.ts in ' +
            `${dir}${file === undefined ? ', and no unmoor.config.ts' : ''}.${workerHint(dir)} Run the ` +
            `command in a project's folder, name the app's module as "entry" in unmoor.config.ts, or make ` +
            'a project with: unmoor init'
        : `${label}: entry: there is no file ${entry}. Correct "entry".`,
    )
  }
  const name = config.name ?? (await packageName(dir, label))
  return {
    ...settings,
    name: environmentAppName(name, settings.environment, label),
    entry,
    worker: undefined,
  }
}

/** Loads only a project's config; the app itself may be missing. */
export async function loadSettings(
  projectDir: string,
  options: {
    given?: AnyConfig | undefined
    loader?: Loader | undefined
    worker?: WorkerChoice | undefined
    environment?: string | undefined
  } = {},
): Promise<LoadedSettings> {
  const dir = resolve(projectDir)
  if (!existsSync(dir)) throw configError(`There is no folder ${dir}.`)
  const file = CONFIG_FILES.find((name) => existsSync(join(dir, name)))
  const whole =
    options.given === undefined
      ? await readConfig(dir, file, options.loader)
      : checkConfig(options.given, 'config')
  const worker = options.worker ?? whole.worker
  const environments = Object.keys(whole.environments ?? {})
  const environment = options.environment ?? (typeof worker === 'object' ? worker.env : undefined)
  // A Worker may have environments in its wrangler file alone; reading that file reports an unknown
  // environment.
  const isMerged = worker === undefined || environments.includes(environment ?? '')
  const label = options.given === undefined ? (file ?? 'unmoor.config.ts') : 'config'
  const config = chooseEnvironment(whole, isMerged ? environment : undefined, label)
  return {
    projectDir: dir,
    config,
    environment: worker === undefined ? environment : undefined,
    environments,
    dataDir: resolve(dir, config.dataDir ?? '.unmoor/data'),
    configFile: file === undefined ? undefined : join(dir, file),
  }
}

/**
 * Loads the config of a Worker, whose wrangler file replaces the app's declarations. Drivers in unmoor's
 * config override the default drivers of the Worker's bindings.
 */
async function loadWorker(
  settings: LoadedSettings,
  choice: Exclude<WorkerChoice, string>,
  {
    environment,
    targets,
    log = SILENT,
    compile = false,
  }: {
    environment?: string | undefined
    targets?: readonly string[] | undefined
    log?: Log | undefined
    compile?: boolean | undefined
  },
): Promise<LoadedConfig> {
  const { projectDir: dir, config } = settings
  const { config: wrangler, env, main, allow = [] } = choice
  if (config.telemetry === true)
    throw configError(
      'unmoor.config.ts: telemetry: existing Workers are not recorded yet. Remove "telemetry", or build an ' +
        'app.',
    )
  if (Object.keys(config.variables ?? {}).length > 0)
    throw configError(
      "unmoor.config.ts: variables: a Worker's variables are those of its wrangler file. Set them there.",
    )
  const allowed = typeof config.worker === 'object' ? [...allow, ...(config.worker.allow ?? [])] : allow
  const worker = await readWorker({
    file: resolve(dir, wrangler),
    environment: environment ?? env,
    main: main === undefined ? undefined : resolve(dir, main),
    allow: allowed,
    targets,
    projectDir: dir,
    config,
    log,
    compile,
  })
  return {
    ...settings,
    config: withWorkerDrivers(config, worker),
    name: config.name ?? worker.name,
    entry: join(dir, '.unmoor', 'worker', worker.name, 'app.mjs'),
    worker,
  }
}

function workerHint(dir: string): string {
  const found = findWranglerFile(dir)
  return found === undefined ? '' : ` There is a Worker: to build it, add --worker ${basename(found)}.`
}

async function readConfig(
  dir: string,
  file: string | undefined,
  shared: Loader | undefined,
): Promise<AnyConfig> {
  if (file === undefined) return {}
  const loader = shared ?? startLoader()
  try {
    return await loader.config(join(dir, file), file)
  } finally {
    if (shared === undefined) loader.close()
  }
}

async function packageName(dir: string, label: string): Promise<string> {
  const text = await readFile(join(dir, 'package.json'), 'utf8').catch(() => undefined)
  let name: unknown
  try {
    name = text === undefined ? undefined : (JSON.parse(text) as { name?: unknown }).name
  } catch (cause) {
    throw configError(
      `${join(dir, 'package.json')} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    )
  }
  const short = typeof name === 'string' ? name.replace(/^@[^/]+\//, '') : undefined
  if (short === undefined)
    throw configError(`The app has no name. Add "name" to ${label} or to package.json in ${dir}.`)
  if (!APP_NAME.test(short))
    throw configError(
      `The name "${short}" of package.json does not fit platforms (lower-case letters, digits, hyphens, ` +
        `a letter first, at most 63). Add "name" to ${label}.`,
    )
  return short
}

/**
 * Loads a project: config, manifest, migrations and assets.
 *
 * @throws `InvalidArgument`, `NotFound` or `Timeout`, naming the file and what to do.
 */
export async function loadProject(
  projectDir: string,
  options: {
    config?: AnyConfig | undefined
    worker?: WorkerChoice | undefined
    environment?: string | undefined
    targets?: readonly string[] | undefined
    log?: Log | undefined
    dataRoute?: boolean | undefined
    /** If true, neither migrations nor assets are read: both are empty in the result. Default: false. */
    declarationsOnly?: boolean | undefined
    /** If false, the files of the assets are not read. Default: true. */
    assets?: boolean | undefined
  } = {},
): Promise<Project> {
  const loader = startLoader()
  const scratch = await mkdtemp(join(tmpdir(), 'unmoor-'))
  const done = cleanAtExit(() => rmSync(scratch, { recursive: true, force: true }))
  try {
    const loaded = await loadConfig(projectDir, {
      given: options.config,
      loader,
      worker: options.worker,
      environment: options.environment,
      targets: options.targets,
      log: options.log,
      compile: true,
    })
    if (loaded.worker !== undefined) await writeEntry(loaded.worker, loaded.projectDir)
    const main = loaded.worker?.main ?? loaded.entry
    const label = isAbsolute(relative(loaded.projectDir, main)) ? main : relative(loaded.projectDir, main)
    const { file, packages } = await bundle(
      { entry: "import * as app from '#app'\nexport default app.default", file: 'app.mjs', minify: false },
      // All Node built-ins are accepted in this bundle, as it only yields the app's declarations. Each
      // target's own bundle is checked.
      {
        projectDir: loaded.projectDir,
        outDir: scratch,
        appEntry: loaded.entry,
        target: 'manifest',
        conditions: ['node'],
        nodeBuiltins: 'all',
        log: SILENT,
        // Packages with machine code are accepted in this bundle, as the app's declarations run none. Each
        // target's own bundle is checked.
        installsPackages: true,
        externalPackages: allExternal(loaded.config),
        sourcemap: 'inline',
        worker: loaded.worker === undefined ? undefined : { ...loaded.worker, allow: ALLOWABLE },
        dataRoute: options.dataRoute,
      },
    )
    await linkPackages(packages, scratch)
    const read = await loader.manifest(file, label, loaded.name, (text) => options.log?.warn(text))
    const added = loaded.config.telemetry === true ? telemetryDeclarations(read) : {}
    const declared = changeDeclarations(read, added)
    const where = loaded.configFile === undefined ? 'config' : basename(loaded.configFile)
    const changes = loaded.worker === undefined ? declarationChanges(loaded.config, declared, where) : {}
    const declarations = joinChanges(added, changes)
    if (loaded.worker === undefined) checkResourceNames(declared, loaded.environments, where)
    const manifest = changeDeclarations(declared, changes)
    const [migrations, assets] =
      options.declarationsOnly === true
        ? [{}, undefined]
        : await Promise.all([
            readAllMigrations(loaded.projectDir, manifest, loaded.worker !== undefined),
            options.assets === false
              ? undefined
              : readAssets(loaded.projectDir, manifest, loaded.worker?.isHidden),
          ])
    return { ...loaded, manifest, declarations, migrations, assets, dataRoute: options.dataRoute ?? false }
  } finally {
    loader.close()
    await rm(scratch, { recursive: true, force: true })
    done()
  }
}

/**
 * The packages that any target excludes from its bundles. The bundle that yields the app's declarations,
 * which are the same on all targets, excludes them all.
 */
function allExternal(config: AnyConfig): string[] {
  return [config, ...Object.values(config.targets ?? {})].flatMap(({ external = [] }) => external)
}

const SILENT: Log = { info() {}, warn() {} }
