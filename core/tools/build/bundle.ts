import { stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import type { InputOptions, OutputBundle, OutputOptions, Plugin } from 'rolldown'
import type { Bundle, BundleOptions, Log } from '../../adapter.ts'
import { UnmoorError } from '../../errors.ts'
import { configError } from './config-check.ts'
import { refuseOffences, type Graph } from './import-checks.ts'
import { lazyBuiltinsPlugin } from './lazy-builtins.ts'
import type { Offence } from './offence.ts'
import { ENTRY_ID, resolvePlugin } from './resolve-plugin.ts'
import { wasmPlugin } from './wasm.ts'
import { type WorkerProject, workerBundle } from './worker/bundle.ts'
import { unsupportedUses } from './worker/unsupported.ts'

/** What all bundles of one build share. */
export interface BundlerOptions {
  projectDir: string
  /** Absolute path of the folder that `BundleOptions.file` is relative to. */
  outDir: string
  /** Absolute path of the app's entry: what `#app` stands for. */
  appEntry: string
  /** Named in errors. */
  target: string
  /** Export conditions where a bundle names none. */
  conditions: readonly string[]
  nodeBuiltins: 'all' | readonly string[]
  log: Log
  /** Whether the bundle carries its source map. Default: false. */
  sourcemap?: boolean
  /** Whether the app gets the route of its data. Default: false. */
  dataRoute?: boolean | undefined
  /** Given the module graph and what of it the target lacks, in place of an error. Default: it is refused. */
  inspect?: (graph: Graph, offences: readonly Offence[]) => void
  /** Filled with the absolute paths of all modules that are read. Default: nobody asks. */
  modules?: Set<string>
  /** The existing Worker whose modules are bundled. Default: none. */
  worker?: WorkerProject | undefined
}

/**
 * Bundles a generated entry, with the app behind `#app`, into one file.
 *
 * @throws `InvalidArgument` where the app does not compile or imports what is not installed, `Unsupported`
 * where it imports Node built-ins that the target lacks.
 */
export async function bundle(options: BundleOptions, shared: BundlerOptions): Promise<Bundle> {
  const { rolldown } = await import('rolldown')
  const file = resolve(shared.outDir, options.file)
  const offences: Offence[] = []
  // The bundler rewrites the errors that plugins throw, so ours is kept here.
  let refused: unknown
  const nodeBuiltins = options.nodeBuiltins ?? shared.nodeBuiltins
  const written: string[] = []
  const platform = nodeBuiltins === 'all' && options.format !== 'iife' ? 'node' : 'neutral'
  const worker = workerBundle(shared.worker)
  const plugins: Plugin[] = [
    ...worker.plugins,
    wasmPlugin(options.wasm ?? 'inline'),
    ...(options.lazyBuiltins === undefined ? [] : [lazyBuiltinsPlugin(options.lazyBuiltins)]),
    resolvePlugin({
      projectDir: shared.projectDir,
      appEntry: shared.appEntry,
      entry: options.entry,
      dataRoute: shared.dataRoute ?? false,
      nodeBuiltins,
      external: options.external ?? [],
      importsForRequires: platform === 'neutral' && (options.format ?? 'esm') === 'esm',
      alias: { ...worker.alias, ...options.alias },
      offences,
      onError: (error) => void (refused ??= error),
    }),
    {
      name: 'unmoor:graph',
      async generateBundle(_output, bundled) {
        if (shared.modules !== undefined)
          for (const id of this.getModuleIds()) if (isAbsolute(id)) shared.modules.add(id)
        const graph: Graph = {
          modules: moduleIds(bundled),
          importers: (id) => this.getModuleInfo(id)?.importers ?? [],
        }
        written.push(...Object.keys(bundled))
        const kept = [...offences.filter(isKept(bundled, options.format)), ...unsupportedUses(graph.modules)]
        if (shared.inspect !== undefined) return shared.inspect(graph, kept)
        // Before anything is written, and while the graph can still be asked.
        await refuseOffences(kept, graph, shared).catch((error: unknown) => {
          refused ??= error
          throw new Error('refused')
        })
      },
    },
  ]
  try {
    const build = await rolldown({
      input: ENTRY_ID,
      cwd: shared.projectDir,
      platform,
      resolve: resolveOptions(options.conditions ?? shared.conditions),
      transform: {
        define: { ...worker.define, ...options.define },
        inject: { ...worker.inject, ...toInject(options.inject) },
        ...(options.target === undefined ? {} : { target: options.target }),
      },
      // A script of many isolates is to keep no code for modules that nobody has asked for yet
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
    throw refused ?? buildError(error)
  }
  const folder = dirname(file)
  return {
    file,
    size: (await stat(file)).size,
    files: written.map((name) => relative(shared.outDir, join(folder, name))),
  }
}

function resolveOptions(conditions: readonly string[]): NonNullable<InputOptions['resolve']> {
  const browser = conditions.includes('browser')
  return {
    conditionNames: [...conditions],
    mainFields: browser ? ['browser', 'module', 'main'] : ['module', 'main'],
    ...(browser ? { aliasFields: [['browser']] } : {}),
  }
}

function outputOptions(file: string, options: BundleOptions, { sourcemap }: BundlerOptions): OutputOptions {
  return {
    dir: dirname(file),
    entryFileNames: basename(file),
    format: options.format ?? 'esm',
    // With a map beside it somebody may debug it: `debugger` stays.
    minify:
      options.sourcemap === true && options.minify !== false
        ? { compress: { dropDebugger: false } }
        : (options.minify ?? true),
    codeSplitting: false,
    sourcemap: sourcemap === true ? 'inline' : options.sourcemap === true ? 'hidden' : false,
    comments: { legal: false, annotation: false, jsdoc: false },
  }
}

/** Warnings that say nothing an app's author could act on. */
const QUIET: ReadonlySet<string> = new Set([
  'EVAL',
  'CIRCULAR_DEPENDENCY',
  'COMMONJS_VARIABLE_IN_ESM',
  'EMPTY_IMPORT_META',
  'TOLERATED_TRANSFORM',
])

function moduleIds(bundled: OutputBundle): Set<string> {
  return new Set(
    Object.values(bundled).flatMap((output) => (output.type === 'chunk' ? output.moduleIds : [])),
  )
}

/**
 * Whether an import survived tree shaking: a library may import `node:fs` in a part that the app does not
 * use.
 */
function isKept(bundled: OutputBundle, format: BundleOptions['format']): (offence: Offence) => boolean {
  // The chunk's own list of imports names dropped ones too; its text has what is left, under the id that they
  // were resolved to.
  const text = Object.values(bundled)
    .map((output) => (output.type === 'chunk' ? output.code : ''))
    .join('\n')
  return ({ kind, specifier, required }) => {
    // A CommonJS require stays where its module does.
    if (required) return true
    const id = kind === 'builtin' ? `node:${specifier.replace(/^node:/, '')}` : specifier
    // A script without modules has the import as a parameter of its outermost function.
    return (
      ['"', "'", '`'].some((quote) => text.includes(`${quote}${id}${quote}`)) ||
      (format === 'iife' && text.includes(id.replace(/[^\w$]/g, '_')))
    )
  }
}

/** A bundler's failure as one of ours: what it says, without colours. */
function buildError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const causes = (error as { errors?: unknown[] }).errors ?? [error]
  const text = causes
    .map((cause) =>
      plain(
        cause instanceof Error ? cause.message : String((cause as { message?: string }).message ?? cause),
      ),
    )
    .join('\n')
  // The entry's own imports are the app, unmoor, and drivers: only those of others can lack a name.
  const missing = /"(\w+)" is not exported by "([^"]+)"[^]*the generated entry/.exec(text)
  if (missing !== null)
    return configError(
      `The driver module ${missing[2]} has no export "${missing[1]}". A driver exports a factory for ` +
        `each kind that it serves: export const ${missing[1]} = (options, context) => ...`,
      error,
    )
  return new UnmoorError('InvalidArgument', `The app does not build:\n${text.trim()}`, {
    operation: 'build',
    cause: error,
  })
}

function toInject(inject: BundleOptions['inject'] = {}): Record<string, [string, string]> {
  return Object.fromEntries(Object.entries(inject).map(([name, [module, from]]) => [name, [module, from]]))
}

function plain(message: string): string {
  return stripVTControlCharacters(message)
    .replaceAll(ENTRY_ID, 'the generated entry')
    .replaceAll('\\0unmoor:entry', 'the generated entry')
}
