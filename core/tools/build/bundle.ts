import { stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, relative, resolve } from 'node:path'
import type { InputOptions, OutputBundle, OutputOptions, Plugin } from 'rolldown'
import type { Bundle, BundleOptions, Log } from '../../adapter.ts'
import type { RequestLog } from '../../config.ts'
import { addonsPlugin } from './addons.ts'
import { asyncToGeneratorsPlugins } from './async-to-generators.ts'
import { browserFilesPlugin } from './browser-files.ts'
import { buildError, filesWithoutDefault, plain } from './build-error.ts'
import type { DeclarationChanges } from './environments.ts'
import { refuseOffences, type Graph } from './import-checks.ts'
import { lazyBuiltinsPlugin } from './lazy-builtins.ts'
import { MainFields } from './main-field.ts'
import { NamedRequires } from './named-requires.ts'
import { describePackage } from './native-packages.ts'
import type { Offence } from './offence.ts'
import { ENTRY_ID, type ResolveOptions, resolvePlugin } from './resolve-plugin.ts'
import { standInPlugin } from './stand-ins.ts'
import { TEXT_TYPES, textModulesPlugin } from './text-modules.ts'
import { wasmPlugin } from './wasm.ts'
import { type WorkerProject, workerBundle } from './worker/bundle.ts'
import { ownPackagesPlugin, WORKER_CONDITIONS } from './worker/own-packages.ts'
import { warnOfEnvNames } from './worker/env-names.ts'
import { refuseAiUses } from './worker/ai-uses.ts'
import { unsupportedUses } from './worker/unsupported.ts'

/** Options that all bundles of one build share. */
export interface BundlerOptions {
  projectDir: string
  /** Absolute path of the artifact's folder, which `BundleOptions.file` is relative to. */
  outDir: string
  /** Absolute path of the app's entry module, imported as `#app`. */
  appEntry: string
  /** Name of the build's target, for error messages. */
  target: string
  /** Export conditions for bundles whose options name none. */
  conditions: readonly string[]
  nodeBuiltins: 'all' | readonly string[]
  log: Log
  /**
   * If true, the artifact installs packages that cannot be bundled. Default: false, packages with machine
   * code are refused.
   */
  installsPackages?: boolean | undefined
  /** Packages that the config excludes from bundles. Default: none. */
  externalPackages?: readonly string[] | undefined
  /** If false, no bundle of the build is minified. Default: the bundle's setting. */
  minify?: boolean | undefined
  /** If true, function and class names are kept in bundles that do not set it themselves. Default: true. */
  keepNames?: boolean | undefined
  /**
   * Source maps of a build's bundles. `inline`: every bundle contains its source map. False: no bundle has a
   * source map. Default: the bundle's setting.
   */
  sourcemap?: 'inline' | boolean | undefined
  /** If true, the app gets the route for `unmoor data`. Default: false. */
  dataRoute?: boolean | undefined
  /** Changes that the config makes to the app's declarations. Default: none. */
  declarations?: DeclarationChanges | undefined
  /** Request log to build into the app. Default: off. */
  requestLog?: RequestLog | undefined
  /** The app's name if traces of it are recorded. Default: the app gets no recorder. */
  telemetry?: string | undefined
  /**
   * Called with the bundle's module graph and with the imports that the target lacks, which are then not
   * refused. Default: such imports are refused.
   */
  inspect?: (graph: Graph, offences: readonly Offence[]) => void
  /**
   * Filled by a build with the absolute paths of all modules that the bundler reads. Default: not recorded.
   */
  modules?: Set<string>
  /** The existing Worker whose modules are bundled. Default: none. */
  worker?: WorkerProject | undefined
}

/** Facts that one run of the bundler collects. */
interface Findings {
  readonly offences: Offence[]
  /** Folders of the packages that the artifact installs beside the bundle. */
  readonly installed: Set<string>
  /** Names of the files that one run of the bundler has written. */
  readonly written: string[]
  /**
   * First error thrown by one of unmoor's bundler plugins, kept because the bundler rewrites plugin errors.
   */
  refused: unknown
  /** Files without a default export of which a module imports one. */
  readonly withoutDefault: string[]
}

/**
 * Bundles a generated entry, which imports the app as `#app`, into one file.
 *
 * @throws `InvalidArgument` if the app does not compile or imports a package that is not installed;
 * `Unsupported` if the app imports Node built-ins or native packages that the target lacks.
 */
export async function bundle(options: BundleOptions, shared: BundlerOptions): Promise<Bundle> {
  const file = resolve(shared.outDir, options.file)
  const common = new Set<string>()
  const named = new NamedRequires()
  for (;;) {
    const mainFields = new MainFields(common)
    const findings: Findings = {
      offences: [],
      installed: new Set(),
      written: [],
      refused: undefined,
      withoutDefault: [],
    }
    // The bundler's warnings are held back until the last attempt, since a repeated bundle would repeat them.
    const warnings: string[] = []
    const log: Log = { info: (text) => shared.log.info(text), warn: (text) => void warnings.push(text) }
    const failed = await write(file, options, { ...shared, log }, { mainFields, named, findings }).then(
      () => undefined,
      (error: unknown) => ({ error, halves: mainFields.withoutDefault(findings.withoutDefault) }),
    )
    if (failed !== undefined && failed.halves.length === 0) throw failed.error
    const again = failed?.halves ?? mainFields.torn
    for (const dir of again) common.add(dir)
    if (named.found || again.length > 0) continue
    for (const warning of warnings) shared.log.warn(warning)
    return {
      file,
      size: (await stat(file)).size,
      files: findings.written.map((name) => relative(shared.outDir, resolve(dirname(file), name))),
      packages: [...findings.installed].map(describePackage),
    }
  }
}

/** What the app is wrapped with. */
function wrappers(
  shared: BundlerOptions,
): Pick<ResolveOptions, 'dataRoute' | 'requestLog' | 'telemetry' | 'declarations'> {
  return {
    dataRoute: shared.dataRoute ?? false,
    requestLog: shared.requestLog ?? 'off',
    telemetry: shared.telemetry,
    declarations: shared.declarations ?? {},
  }
}

async function write(
  file: string,
  options: BundleOptions,
  shared: BundlerOptions,
  { mainFields, named, findings }: { mainFields: MainFields; named: NamedRequires; findings: Findings },
): Promise<void> {
  const { rolldown } = await import('rolldown')
  const nodeBuiltins = options.nodeBuiltins ?? shared.nodeBuiltins
  const platform = nodeBuiltins === 'all' && options.format !== 'iife' ? 'node' : 'neutral'
  const forWorker = shared.worker !== undefined && platform === 'node' && options.conditions === undefined
  const conditions = forWorker ? WORKER_CONDITIONS : (options.conditions ?? shared.conditions)
  const isModule = (options.format ?? 'esm') === 'esm'
  const onError = (error: unknown): void => void (findings.refused ??= error)
  const browser = conditions.includes('browser')
  const worker = workerBundle(shared.worker, shared.target, onError)
  const plugins: Plugin[] = [
    ...(forWorker
      ? [await ownPackagesPlugin(shared.conditions, shared.projectDir, options.external ?? [])]
      : []),
    ...worker.plugins,
    wasmPlugin(options.wasm ?? 'inline'),
    textModulesPlugin(),
    ...(browser ? browserFilesPlugin() : []),
    ...(options.lazyBuiltins === undefined ? [] : [lazyBuiltinsPlugin(options.lazyBuiltins)]),
    named.plugin(),
    addonsPlugin({ isRun: shared.installsPackages === true, offences: findings.offences }),
    standInPlugin(shared.target),
    resolvePlugin({
      projectDir: shared.projectDir,
      appEntry: shared.appEntry,
      entry: options.entry,
      ...wrappers(shared),
      nodeBuiltins,
      external: options.external ?? [],
      externalPackages: shared.externalPackages ?? [],
      installed: shared.installsPackages === true ? findings.installed : undefined,
      isWorker: shared.worker !== undefined,
      importsForRequires: (platform === 'neutral' || forWorker) && isModule,
      browser,
      alias: { ...worker.alias, ...options.alias },
      mainFields,
      offences: findings.offences,
      onError,
    }),
    graphPlugin(options, shared, findings),
    ...(options.asyncToGenerators === true ? asyncToGeneratorsPlugins() : []),
  ]
  try {
    const build = await rolldown({
      input: ENTRY_ID,
      // The bundler's warnings about slow plugins do not concern the app's author.
      checks: { pluginTimings: false },
      cwd: shared.projectDir,
      // For a Worker, the bundler's platform `node` would put the export condition `node` before the Worker's
      // own.
      platform: forWorker ? 'neutral' : platform,
      moduleTypes: TEXT_TYPES,
      resolve: resolveOptions(conditions),
      transform: {
        define: { ...(platform === 'node' && isModule ? FOLDERS : {}), ...worker.define, ...options.define },
        inject: { ...worker.inject, ...toInject(options.inject) },
      },
      // Modules of a script for isolates are compiled lazily, so that unused modules take no memory
      // (`guest/web/late.ts`).
      ...(options.format === 'iife' ? { optimization: { pifeForModuleWrappers: false } } : {}),
      plugins,
      onLog(level, log) {
        if (level === 'warn' && !QUIET.has(log.code ?? '')) shared.log.warn(plain(log.message))
      },
    })
    try {
      await build.write(outputOptions(file, options, shared))
    } finally {
      await build.close()
    }
  } catch (error) {
    findings.withoutDefault.push(...filesWithoutDefault(error, shared.projectDir))
    throw findings.refused ?? buildError(error)
  }
}

/** Replacements for `__dirname` and `__filename` of CommonJS packages: the bundle's folder and file. */
const FOLDERS = { __dirname: 'import.meta.dirname', __filename: 'import.meta.filename' }

/** Refuses imports that the target lacks, and calls that a Worker's `ai` binding lacks. */
async function refuseUses(kept: readonly Offence[], graph: Graph, shared: BundlerOptions): Promise<void> {
  await refuseOffences(kept, graph, shared)
  const { worker, projectDir, log } = shared
  if (worker !== undefined) await refuseAiUses(worker, graph.modules, projectDir, log)
}

/**
 * Bundler plugin that refuses imports that the target lacks, while the module graph is available and before
 * files are written.
 */
function graphPlugin(options: BundleOptions, shared: BundlerOptions, findings: Findings): Plugin {
  return {
    name: 'unmoor:graph',
    async generateBundle(_output, bundled) {
      if (shared.modules !== undefined)
        for (const id of this.getModuleIds()) if (isAbsolute(id)) shared.modules.add(id)
      const graph: Graph = {
        modules: moduleIds(bundled),
        importers: (id) => this.getModuleInfo(id)?.importers ?? [],
      }
      findings.written.push(...Object.keys(bundled))
      const kept = [
        ...findings.offences.filter(isKept(bundled, graph, options.format)),
        ...unsupportedUses(graph.modules),
      ]
      if (shared.inspect !== undefined) return shared.inspect(graph, kept)
      if (shared.worker !== undefined)
        await warnOfEnvNames(shared.worker, graph.modules, shared.projectDir, shared.log)
      await refuseUses(kept, graph, shared).catch((error: unknown) => {
        findings.refused ??= error
        throw new Error('refused')
      })
    },
  }
}

/**
 * The bundler's resolver options, without the conditions `import` and `require`: the bundler adds the one
 * that fits each import. A package's two halves may differ (`require('pg-pool')` is a class, the other half a
 * namespace).
 */
function resolveOptions(conditions: readonly string[]): NonNullable<InputOptions['resolve']> {
  const browser = conditions.includes('browser')
  return {
    conditionNames: conditions.filter((name) => name !== 'import' && name !== 'require'),
    mainFields: browser ? ['browser', 'module', 'main'] : ['module', 'main'],
    ...(browser ? { aliasFields: [['browser']] } : {}),
  }
}

function outputOptions(file: string, options: BundleOptions, shared: BundlerOptions): OutputOptions {
  const minify = options.minify !== false && shared.minify !== false
  const map = mapOf(options, shared)
  return {
    dir: dirname(file),
    entryFileNames: basename(file),
    format: options.format ?? 'esm',
    // A bundle with a source map may be debugged, so `debugger` statements stay.
    minify: minify && map !== false ? { compress: { dropDebugger: false } } : minify,
    // Bundles keep names: apps and libraries compare and print class names (`this.constructor.name`).
    keepNames: options.keepNames ?? shared.keepNames ?? true,
    codeSplitting: false,
    sourcemap: map,
    // Error tracking services find a bundle's source map by its debug id.
    sourcemapDebugIds: map !== false && map !== 'inline',
    comments: { legal: false, annotation: false, jsdoc: false },
  }
}

/**
 * The bundler's `sourcemap` option: `inline`, true for a linked map file, `hidden` for an unlinked one, or
 * false.
 */
function mapOf(options: BundleOptions, { sourcemap }: BundlerOptions): 'inline' | 'hidden' | boolean {
  const { sourcemap: asked = true } = options
  if (asked === false || sourcemap === false) return false
  if (sourcemap === 'inline') return 'inline'
  return asked === 'linked' ? true : 'hidden'
}

/** Codes of bundler warnings that an app's author can do nothing about. */
const QUIET: ReadonlySet<string> = new Set([
  'EVAL',
  'CIRCULAR_DEPENDENCY',
  'COMMONJS_VARIABLE_IN_ESM',
  'EMPTY_IMPORT_META',
  'TOLERATED_TRANSFORM',
  // The bundler's timing warnings concern the machine and unmoor's own plugins.
  'PLUGIN_TIMINGS',
])

function moduleIds(bundled: OutputBundle): Set<string> {
  return new Set(
    Object.values(bundled).flatMap((output) => (output.type === 'chunk' ? output.moduleIds : [])),
  )
}

/**
 * Returns a test: true if an import survived tree shaking. A library may import `node:fs` in code that the
 * app does not use.
 */
function isKept(
  bundled: OutputBundle,
  graph: Graph,
  format: BundleOptions['format'],
): (offence: Offence) => boolean {
  // A bundled chunk's list of imports includes those that tree shaking dropped, so its code is searched for
  // the resolved id.
  const text = Object.values(bundled)
    .map((output) => (output.type === 'chunk' ? output.code : ''))
    .join('\n')
  return ({ kind, specifier, required, standIn }) => {
    if (standIn !== undefined) return graph.modules.has(standIn)
    // A CommonJS `require` survives tree shaking together with its module.
    if (required) return true
    const id = kind === 'builtin' ? `node:${specifier.replace(/^node:/, '')}` : specifier
    // In an `iife` bundle, an import is a parameter of the outermost function, named after the module's id.
    return (
      ['"', "'", '`'].some((quote) => text.includes(`${quote}${id}${quote}`)) ||
      (format === 'iife' && text.includes(id.replace(/[^\w$]/g, '_')))
    )
  }
}

function toInject(inject: BundleOptions['inject'] = {}): Record<string, [string, string]> {
  return Object.fromEntries(Object.entries(inject).map(([name, [module, from]]) => [name, [module, from]]))
}
