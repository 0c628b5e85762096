import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import {
  ARTIFACT_FORMAT,
  type Adapter,
  type ArtifactInfo,
  type BuildContext,
  type Log,
} from '../../adapter.ts'
import { constantCase } from '../../bindings/declarations.ts'
import type { AnyConfig } from '../../config.ts'
import { UnmoorError } from '../../errors.ts'
import { presentInfo } from '../../old-units.ts'
import { Problems } from './problems.ts'
import { checkTargetOptions } from '../../target-options.ts'
import { loadAdapter } from './adapters.ts'
import { bundle } from './bundle.ts'
import { bundleSettings } from './bundle-settings.ts'
import { copyPackages } from './native-packages.ts'
import { driverImports, resolveDrivers } from './drivers.ts'
import { environmentTargetOptions, targetFolder } from './environments.ts'
import { replaceFolder } from './output-folder.ts'
import { placeAssets } from './place-assets.ts'
import { loadProject, type Project, type WorkerChoice } from './project.ts'
import { checkTelemetry } from './telemetry.ts'
import { checkTarget } from './worker/worker.ts'

export {
  loadProject,
  type LoadedConfig,
  type LoadedSettings,
  type Project,
  type WorkerChoice,
} from './project.ts'

/** Options of {@link buildApp}. */
export interface BuildOptions {
  /** Folder of the project to build. */
  projectDir: string
  target: string
  /**
   * Environment of the config to build for; with an existing Worker, an environment of its wrangler file.
   * Default: none.
   */
  environment?: string | undefined
  /**
   * Output folder of the artifact. Default: `.unmoor/TARGET`, or `.unmoor/TARGET.ENVIRONMENT`, in the
   * project.
   */
  outDir?: string | undefined
  /** If true, the artifact serves the test channel, by which tests reach its bindings. Default: false. */
  testChannel?: boolean | undefined
  /**
   * Seed of a strict build, in which each driver behaves as harshly as the strictest target's. Default: no
   * strict build.
   */
  strict?: number | undefined
  /** If true, the artifact serves the route for `unmoor data`, behind a token. Default: false. */
  dataRoute?: boolean | undefined
  /** Config to use instead of the project's config file. */
  config?: AnyConfig | undefined
  /**
   * Existing Worker to build instead of an app: its wrangler file, relative to the project. Default: the
   * config's.
   */
  worker?: WorkerChoice | undefined
  /** Options of the targets by target name, which override `targets.NAME.options` of the config. */
  targetOptions?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined
  /** Adapter to use instead of the one that `target` names. */
  adapter?: Adapter | undefined
  /**
   * If true, a development build: module bundles carry inline source maps, so that stack traces name the
   * app's own files. Default: false.
   */
  development?: boolean | undefined
  /**
   * If false, the files of the app's assets are not read, and the artifact has none. Default: true.
   *
   * @internal
   */
  assets?: boolean | undefined
  /** Receives the build's progress messages and warnings. Default: no messages are logged. */
  log?: Log | undefined
}

/** The result of building an app for one target. */
export interface BuiltApp {
  target: string
  /** Absolute path of the built artifact. */
  outDir: string
  info: ArtifactInfo
  adapter: Adapter
  project: Project
  /** Absolute paths of the modules in the artifact's bundles. */
  modules: ReadonlySet<string>
  /**
   * Milliseconds that the build spent on this target alone, without the work that builds of several targets
   * share.
   */
  ms: number
}

/** Name of the file in an artifact that describes it: {@link ArtifactInfo}. */
export const INFO_FILE = 'unmoor.json'

const SILENT: Log = { info() {}, warn() {} }

/**
 * Builds the project's app for one target. A failed build leaves the output folder as it was.
 *
 * @example
 * ```ts
 * import { buildApp } from 'unmoor/build'
 *
 * const { outDir } = await buildApp({ projectDir: process.cwd(), target: 'node', log: console })
 * ```
 */
export async function buildApp(options: BuildOptions): Promise<BuiltApp> {
  const started = performance.now()
  const project = await loadProject(options.projectDir, { ...options, targets: [options.target] })
  const built = await buildTarget(project, options)
  return { ...built, ms: performance.now() - started }
}

/**
 * Builds the project's app for several targets. Config, manifest, migrations and assets are read once. Either
 * all targets are built, or one error lists what every target refuses.
 *
 * @example
 * ```ts
 * import { buildApps } from 'unmoor/build'
 *
 * const built = await buildApps({ projectDir: process.cwd(), targets: ['node', 'cloudflare'] })
 * for (const { target, outDir } of built) console.log(target, outDir)
 * ```
 */
export async function buildApps(
  options: Omit<BuildOptions, 'target' | 'outDir' | 'adapter'> & {
    targets: readonly string[]
    outDir?: ((target: string) => string) | undefined
  },
): Promise<BuiltApp[]> {
  const project = await loadProject(options.projectDir, options)
  const problems = new Problems()
  const built = await Promise.all(
    options.targets.map((target) =>
      buildTarget(project, { ...options, target, outDir: options.outDir?.(target) }).catch(
        (error: unknown) => {
          problems.add(error)
          return undefined
        },
      ),
    ),
  )
  problems.throwAll()
  return built.filter((one) => one !== undefined)
}

/** Builds an already loaded project for one target. */
export async function buildTarget(
  project: Project,
  options: Omit<BuildOptions, 'projectDir' | 'config' | 'worker' | 'environment'>,
): Promise<BuiltApp> {
  const started = performance.now()
  const log = options.log ?? SILENT
  const adapter = options.adapter ?? (await loadAdapter(options.target, project.projectDir, project.config))
  if (project.worker !== undefined) checkTarget(project.worker, adapter.name)
  checkTelemetry(project.config, adapter)
  const drivers = await resolveDrivers(
    project.manifest,
    adapter,
    project.config,
    project.projectDir,
    (message) => log.warn(message),
  )
  const outDir = resolve(
    project.projectDir,
    options.outDir ?? join('.unmoor', targetFolder(adapter.name, project.environment)),
  )
  const info: ArtifactInfo = {
    format: ARTIFACT_FORMAT,
    target: adapter.name,
    manifest: project.manifest,
    drivers: Object.fromEntries(Object.entries(drivers).map(([binding, { spec }]) => [binding, spec])),
    migrations: project.migrations,
    options: targetOptions(
      adapter,
      { ...environmentTargetOptions(project.config, adapter), ...options.targetOptions?.[adapter.name] },
      log,
    ),
    testChannel: options.testChannel ?? false,
    ...(project.environment === undefined ? {} : { environment: project.environment }),
  }
  const modules = new Set<string>()
  const shared = {
    imports: driverImports(drivers, options.strict, project.dataRoute),
    log,
    development: options.development ?? false,
    modules,
    outDir,
  }
  await replaceFolder(outDir, project.projectDir, async (dir) => {
    await adapter.build(createContext(dir, project, info, adapter, shared))
    await writeFile(join(dir, INFO_FILE), `${JSON.stringify(info, null, 2)}\n`)
  })
  return { target: adapter.name, outDir, info, adapter, project, modules, ms: performance.now() - started }
}

function targetOptions(
  adapter: Adapter,
  given: Readonly<Record<string, unknown>>,
  log: Log,
): Readonly<Record<string, unknown>> {
  if (adapter.options === undefined) return given
  const { options, warnings } = checkTargetOptions(adapter.name, given, adapter.options)
  for (const warning of warnings) log.warn(warning)
  return options
}

interface SharedByBundles {
  imports: { imports: string; object: string }
  log: Log
  development: boolean
  modules: Set<string>
  /** Final folder of the artifact, to which a build moves it when complete. */
  outDir: string
}

function createContext(
  dir: string,
  project: Project,
  info: ArtifactInfo,
  adapter: Adapter,
  { imports, log, development, modules, outDir }: SharedByBundles,
): BuildContext {
  const { projectDir, assets } = project
  const place = (path: string): string => {
    const file = resolve(dir, path)
    if (!file.startsWith(dir + sep))
      throw new UnmoorError(
        'InvalidArgument',
        `The adapter of "${adapter.name}" writes "${path}", outside of its artifact.`,
        { operation: 'build' },
      )
    return file
  }
  return {
    projectDir,
    outDir: dir,
    manifest: info.manifest,
    drivers: info.drivers,
    migrations: info.migrations,
    assets,
    options: info.options,
    testChannel: info.testChannel,
    ...(info.environment === undefined ? {} : { environment: info.environment }),
    log,
    driverImports: () => imports,
    async bundle(options) {
      place(options.file)
      const isPlain = options.sourcemap === undefined && (options.format ?? 'esm') === 'esm'
      const settings = bundleSettings(project.config, adapter.name)
      const built = await bundle(
        { ...options, define: { ...defines(info.manifest), ...options.define } },
        {
          projectDir,
          outDir: dir,
          appEntry: project.entry,
          dataRoute: project.dataRoute,
          declarations: project.declarations,
          requestLog: settings.requestLog ?? (development ? 'text' : 'off'),
          telemetry: project.config.telemetry === true ? project.name : undefined,
          target: adapter.name,
          conditions: adapter.conditions,
          nodeBuiltins: adapter.nodeBuiltins,
          log,
          installsPackages: adapter.code?.packages,
          externalPackages: settings.external,
          minify: settings.minify ?? project.worker?.bundle.minify,
          keepNames: project.worker?.bundle.keepNames,
          sourcemap: development && isPlain ? 'inline' : settings.sourcemap,
          modules,
          worker: project.worker,
        },
      )
      await copyPackages(built.packages, dir)
      return built
    },
    async write(path, content) {
      const file = place(path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content)
    },
    async copyAssets(folder) {
      // Asset files keep their plain names on disk, while URL paths are percent-encoded.
      const copies = (assets?.files ?? []).map(({ path, source }) => ({
        source,
        file: place(join(folder, decodeURIComponent(path))),
      }))
      await placeAssets(copies, { dir, outDir, projectDir })
    },
  }
}

/** Constants, replaced by the bundler, that unmoor's run-time code reads. */
function defines(manifest: ArtifactInfo['manifest']): Record<string, string> {
  const defaults = Object.entries(manifest.bindings).flatMap(([name, declaration]) =>
    declaration.kind === 'variable' && declaration.default !== undefined
      ? [[constantCase(name), declaration.default]]
      : [],
  )
  // `UNMOOR_BUILT` skips the checks of declarations at run time: reading the manifest has made them all.
  return { UNMOOR_BUILT: 'true', UNMOOR_DEFAULTS: JSON.stringify(Object.fromEntries(defaults)) }
}

/**
 * Reads `unmoor.json`, the description of the artifact in a folder.
 *
 * @throws `NotFound`, with the command that builds one, if there is no artifact; `InvalidArgument` if another
 * version wrote it or the folder is no artifact.
 */
export async function readArtifact(
  dir: string,
  target = 'NAME',
  environment?: string,
): Promise<ArtifactInfo> {
  const env = environment === undefined ? '' : ` --env ${environment}`
  const text = await readFile(join(dir, INFO_FILE), 'utf8').catch((cause: unknown) => {
    throw new UnmoorError(
      'NotFound',
      `There is no artifact in ${dir}. Run first: unmoor build --target ${target}${env}`,
      { operation: 'start', cause },
    )
  })
  let info: ArtifactInfo
  try {
    info = JSON.parse(text) as ArtifactInfo
  } catch (cause) {
    throw new UnmoorError('InvalidArgument', `${join(dir, INFO_FILE)} is not JSON. Build the app again.`, {
      operation: 'start',
      cause,
    })
  }
  if (info?.manifest?.version !== 1)
    throw new UnmoorError(
      'InvalidArgument',
      `${dir} was built by another version of unmoor. Build the app again.`,
      { operation: 'start' },
    )
  return presentInfo(info, join(dir, INFO_FILE))
}
