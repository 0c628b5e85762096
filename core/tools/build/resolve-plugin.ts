import { readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { dirname, isAbsolute, join, sep } from 'node:path'
import type { CustomPluginOptions, Plugin, PluginContext, ResolvedId } from 'rolldown'
import type { RequestLog } from '../../config.ts'
import { isReplaced } from './browser-files.ts'
import type { DeclarationChanges } from './environments.ts'
import { findImport } from './import-position.ts'
import type { MainFields } from './main-field.ts'
import { findPackage, hasBrowserForm, NativePackages, packageFolder } from './native-packages.ts'
import { isInstalled, type Offence, throwsOnWorkers } from './offence.ts'
import { isOwnFile, resolvePublicName } from './packages.ts'
import { isSocketClient } from './socket-clients.ts'
import { standInId } from './stand-ins.ts'

/** Module id of the generated entry. */
export const ENTRY_ID = '\0unmoor:entry'

/** Module id of the app wrapped with the data route, telemetry or the request log. */
const WRAPPED_ID = '\0unmoor:app'

/** Prefix of the id of a module that imports a Node built-in on behalf of a `require`. */
const REQUIRED = '\0unmoor:required:'

export interface ResolveOptions {
  projectDir: string
  /** Absolute path of the app's entry module, which the generated entry imports as `#app`. */
  appEntry: string
  /** Source text of the generated entry. */
  entry: string
  /** True if the app gets the route of `core/runtime/data-route.ts` (`--data-route`). */
  dataRoute: boolean
  /** Format of the app's request log (`core/runtime/request-log.ts`). */
  requestLog: RequestLog
  /** The app's name if it gets the recorder of traces (`core/telemetry`); undefined if it gets none. */
  telemetry: string | undefined
  /** Changes that the config makes to the app's declarations. */
  declarations: DeclarationChanges
  nodeBuiltins: 'all' | readonly string[]
  /** Import specifiers that the adapter leaves in the bundle as imports. */
  external: readonly string[]
  /** Packages that the config excludes from the bundle, which keep their imports. */
  externalPackages: readonly string[]
  /**
   * Filled with the folders of packages that the artifact installs. Undefined if the artifact installs none,
   * and such packages are refused.
   */
  installed: Set<string> | undefined
  /** If true, the app's modules are those of an existing Worker. */
  isWorker: boolean
  /** If true, a `require` of a Node built-in becomes an import, for runtimes that have no `require`. */
  importsForRequires: boolean
  /** If true, a package's `browser` variant is used instead of its machine code. */
  browser: boolean
  alias: Readonly<Record<string, string>>
  mainFields: MainFields
  /** Filled with the app's imports that the target lacks or that do not resolve. */
  offences: Offence[]
  /** Called with errors thrown while an import of a public name of unmoor is resolved. */
  readonly onError: (error: unknown) => void
}

/** An import that the bundler asks unmoor's plugin to resolve. */
interface Request {
  source: string
  /** Path of the module with the import to resolve, or of the project's package.json. */
  from: string
  extra: { kind?: string; custom?: CustomPluginOptions; isEntry: boolean }
}

type Answer = { id: string; external?: boolean; moduleSideEffects?: boolean } | ResolvedId | null

/**
 * Bundler plugin that resolves imports that Node's rules do not cover: the generated entry, `#app`, unmoor's
 * public names (always this package's own files, so that an artifact never mixes two versions), aliases, and
 * Node built-ins that the target may lack.
 */
export function resolvePlugin(options: ResolveOptions): Plugin {
  const { projectDir } = options
  const resolver = new Resolver(options)
  const isWrapped =
    options.dataRoute ||
    options.requestLog !== 'off' ||
    options.telemetry !== undefined ||
    Object.keys(options.declarations).length > 0
  return {
    name: 'unmoor:resolve',
    resolveId: {
      // Imports of relative and absolute paths are left to the bundler.
      filter: { id: /^[^./]/ },
      async handler(source, importer, extra) {
        if (source === ENTRY_ID) return ENTRY_ID
        if (source === '#app' && importer !== undefined && isEntry(importer))
          return isWrapped && importer.endsWith(ENTRY_ID.slice(1)) ? WRAPPED_ID : options.appEntry
        if (isNamed(source, options.external)) return { id: source, external: true }
        const alias = options.alias[source]
        if (alias !== undefined) {
          if (isAbsolute(alias)) return alias
          return (
            publicName(alias, options.onError) ??
            (await this.resolve(alias, join(projectDir, 'package.json'), { skipSelf: true }))
          )
        }
        const own = publicName(source, options.onError)
        if (own !== undefined) return own
        const from =
          importer === undefined || importer.startsWith('\0') || isEntry(importer)
            ? join(projectDir, 'package.json')
            : importer
        const request = { source, from: importer?.startsWith(REQUIRED) === true ? importer : from, extra }
        return isBuiltin(source) ? resolver.builtin(this, request) : resolver.package(this, request)
      },
    },
    load: {
      filter: { id: /^\0unmoor:(?:entry|app|required:)/ },
      handler(id) {
        if (id === ENTRY_ID) return { code: options.entry, moduleType: 'ts' }
        if (id === WRAPPED_ID) return { code: wrappedApp(options), moduleType: 'js' }
        // The bundler resolves `require` of an ES module to the export named `module.exports`.
        return {
          code: `import value from 'node:${id.slice(REQUIRED.length)}'\nexport { value as 'module.exports' }`,
          moduleType: 'js',
          moduleSideEffects: false,
        }
      },
    },
  }
}

class Resolver {
  #options: ResolveOptions
  #builtins: ReadonlySet<string> | undefined
  #native = new NativePackages()

  constructor(options: ResolveOptions) {
    this.#options = options
    this.#builtins = options.nodeBuiltins === 'all' ? undefined : new Set(options.nodeBuiltins)
  }

  async builtin(plugin: PluginContext, request: Request): Promise<Answer> {
    const { source, from, extra } = request
    const name = source.replace(/^node:/, '')
    if (this.#builtins?.has(name) !== false || isOwnFile(from) || from.startsWith(REQUIRED))
      return this.#options.importsForRequires && extra.kind === 'require-call'
        ? { id: `${REQUIRED}${name}` }
        : { id: `node:${name}`, external: true, moduleSideEffects: false }
    // A package's `browser` field may replace a built-in. Some built-ins also have an npm package of the same
    // name (events, buffer, ...), which is used if the target lacks the built-in.
    if (source === name || this.#options.browser) {
      const other = await resolve(plugin, request, from)
      if (other !== null && other.external === false) return other
    }
    return this.#offend('builtin', request)
  }

  async package(plugin: PluginContext, request: Request): Promise<Answer> {
    const { source, from } = request
    if (isNamed(source, this.#options.externalPackages)) return this.#external(request)
    const found = await this.#find(plugin, request)
    if (found !== null && found.external === false) {
      const required = request.extra.kind === 'require-call'
      return this.#ofPackage(
        await this.#options.mainFields.choose(plugin, found, { source, required }),
        request,
      )
    }
    // Optional peer dependencies of unmoor, such as postgres, may be installed in the project only.
    const inProject = isOwnFile(from)
      ? await resolve(plugin, request, join(this.#options.projectDir, 'package.json'))
      : null
    return inProject ?? this.#offend('missing', request)
  }

  /**
   * Resolves an import of a package's module. A `browser` field that removes a client for servers, such as
   * `pg`, is ignored, and so is one that removes what a file needs which is taken in spite of the field.
   */
  async #find(plugin: PluginContext, request: Request): Promise<ResolvedId | null> {
    const found = await resolve(plugin, request, request.from)
    const name = packageName(request.source)
    // An id with \0 is the bundler's empty module, for a package that a `browser` field removes.
    if (found?.id.startsWith('\0') !== true) return found
    if (!isSocketClient(name) && !isReplaced(request.from)) return found
    const folder = findPackage(name, dirname(request.from))
    if (folder === undefined) return found
    // Resolving a package from outside of the importing package avoids that package's `browser` field.
    const root = folder.slice(0, Math.max(0, folder.lastIndexOf(`${sep}node_modules${sep}`)))
    return resolve(plugin, request, join(root || this.#options.projectDir, 'package.json'))
  }

  /** Returns a package's module, or an offence or an external import if the package has machine code. */
  #ofPackage(found: ResolvedId, request: Request): Answer | Promise<Answer> {
    const folder = packageFolder(found.id)
    if (folder === undefined || isOwnFile(request.from) || !this.#native.has(folder)) return found
    const { installed, browser } = this.#options
    if (installed === undefined)
      return browser && hasBrowserForm(folder) ? found : this.#offend('native', request)
    // Imports between its own files are no reason to install a package with machine code.
    if (packageFolder(request.from) === folder) return found
    installed.add(folder)
    return { id: request.source, external: true, moduleSideEffects: true }
  }

  /** Resolves an import of a package that the config excludes from the bundle. */
  #external(request: Request): Answer | Promise<Answer> {
    const { source, from } = request
    // Imports of a platform's modules, such as `cloudflare:email`, are left to the platform.
    if (/^[a-z][a-z0-9+.-]*:/.test(source)) return { id: source, external: true }
    const { installed } = this.#options
    if (installed === undefined) return this.#offend('native', request)
    const name = packageName(source)
    const folder = findPackage(name, from) ?? findPackage(name, this.#options.projectDir)
    if (folder === undefined) return this.#offend('missing', request)
    installed.add(folder)
    return { id: source, external: true, moduleSideEffects: true }
  }

  async #offend(kind: 'builtin' | 'missing' | 'native', { source, from, extra }: Request): Promise<Answer> {
    const required = extra.kind === 'require-call'
    const offence: Offence = { kind, specifier: source, importer: from, required }
    this.#options.offences.push(offence)
    const position = isAbsolute(from)
      ? await findImport(from, await readFile(from, 'utf8').catch(() => ''), source)
      : undefined
    const isStatic = !required && extra.kind !== 'dynamic-import'
    const isTolerated = isInstalled(from) || (this.#options.isWorker && throwsOnWorkers(source))
    if (kind === 'builtin' && position?.caught !== true && isTolerated)
      offence.standIn = standInId('builtin', source, required, from)
    // A static import of a missing module needs its names, so it gets no stand-in. It is refused, unless tree
    // shaking drops it.
    else if (!isStatic) offence.standIn = standInId('absent', source, required, from)
    if (offence.standIn !== undefined) return { id: offence.standIn }
    return kind === 'builtin'
      ? { id: `node:${source.replace(/^node:/, '')}`, external: true, moduleSideEffects: false }
      : { id: source, external: true, moduleSideEffects: true }
  }
}

function resolve(
  plugin: PluginContext,
  { source, extra }: Request,
  from: string,
): Promise<ResolvedId | null> {
  return plugin.resolve(source, from, { ...(extra as object), skipSelf: true })
}

/**
 * Source of a module that wraps the app with changed declarations, the request log, telemetry and the data
 * route, from the inside out.
 */
function wrappedApp({ dataRoute, requestLog, telemetry, declarations }: ResolveOptions): string {
  const imports = [`import app from '#app'`, `export * from '#app'`]
  let wrapped = 'app'
  const changed = Object.entries(declarations).map(([binding, change]) => {
    const name = JSON.stringify(binding)
    return `${name}: { ...app.bindings[${name}], ...${JSON.stringify(change)} }`
  })
  if (changed.length > 0) wrapped = `{ ...app, bindings: { ...app.bindings, ${changed.join(', ')} } }`
  if (requestLog !== 'off') {
    imports.push(`import { withRequestLog } from 'unmoor/internal/request-log'`)
    wrapped = `withRequestLog(${wrapped}, ${JSON.stringify(requestLog)})`
  }
  if (telemetry !== undefined) {
    // The class comes from here, so that the recorder itself needs web standards only.
    imports.push(`import { AsyncLocalStorage } from 'node:async_hooks'`)
    imports.push(`import { withTelemetry } from 'unmoor/internal/telemetry'`)
    const parts = `{ name: ${JSON.stringify(telemetry)}, Store: AsyncLocalStorage }`
    wrapped = `withTelemetry(${wrapped}, ${parts})`
  }
  // The data route is the outermost wrapper, since its requests are not the app's and are not logged.
  if (dataRoute) {
    imports.push(`import { withDataRoute } from 'unmoor/internal/data-route'`)
    wrapped = `withDataRoute(${wrapped})`
  }
  return `${imports.join('\n')}\nexport default ${wrapped}\n`
}

function publicName(source: string, onError: (error: unknown) => void): string | undefined {
  try {
    return resolvePublicName(source)
  } catch (error) {
    onError(error)
    throw new Error('refused', { cause: error })
  }
}

function packageName(specifier: string): string {
  return /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier
}

function isEntry(importer: string): boolean {
  return importer.endsWith(ENTRY_ID.slice(1)) || importer.endsWith(WRAPPED_ID.slice(1))
}

function isNamed(source: string, names: readonly string[]): boolean {
  return names.some((name) => source === name || source.startsWith(`${name}/`))
}
