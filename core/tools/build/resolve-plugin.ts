import { isBuiltin } from 'node:module'
import { isAbsolute, join } from 'node:path'
import type { Plugin } from 'rolldown'
import type { Offence } from './offence.ts'
import { isOwnFile, resolvePublicName } from './packages.ts'

/** Id of the generated entry. */
export const ENTRY_ID = '\0unmoor:entry'

/** Id of the app within the route of its data. */
const WRAPPED_ID = '\0unmoor:app'

/** Begins the id of a module that stands for a built-in where a `require` of it becomes an import. */
const REQUIRED = '\0unmoor:required:'

interface Options {
  projectDir: string
  /** The app's entry, absolute: what `#app` stands for in the generated entry. */
  appEntry: string
  /** Source of the generated entry. */
  entry: string
  /** Whether the app gets the route of its data (`core/runtime/data-route.ts`). */
  dataRoute: boolean
  nodeBuiltins: 'all' | readonly string[]
  external: readonly string[]
  /** Whether a `require` of a built-in becomes an import, for runtimes that have no `require`. */
  importsForRequires: boolean
  alias: Readonly<Record<string, string>>
  /** Filled with imports of what the target lacks or nobody has. */
  offences: Offence[]
  /** Given what resolving throws. */
  readonly onError: (error: unknown) => void
}

/**
 * Resolves what Node's rules do not: the generated entry, `#app`, unmoor's public names (always this
 * package's own files, so that an artifact never mixes two versions), aliases, and Node built-ins against
 * what the target has.
 */
export function resolvePlugin(options: Options): Plugin {
  const { projectDir, offences } = options
  const builtins = options.nodeBuiltins === 'all' ? undefined : new Set(options.nodeBuiltins)
  return {
    name: 'unmoor:resolve',
    resolveId: {
      // Relative and absolute paths are the bundler's own business.
      filter: { id: /^[^./]/ },
      async handler(source, importer, extra) {
        if (source === ENTRY_ID) return ENTRY_ID
        if (source === '#app' && importer !== undefined && isEntry(importer))
          return options.dataRoute && importer.endsWith(ENTRY_ID.slice(1)) ? WRAPPED_ID : options.appEntry
        if (isExternal(source, options.external)) return { id: source, external: true }
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
        const from = importer === undefined || isEntry(importer) ? join(projectDir, 'package.json') : importer
        if (isBuiltin(source)) {
          const name = source.replace(/^node:/, '')
          const answer = { id: `node:${name}`, external: true, moduleSideEffects: false }
          if (builtins === undefined || builtins.has(name) || isOwnFile(from) || from.startsWith(REQUIRED)) {
            return options.importsForRequires && extra.kind === 'require-call'
              ? { id: `${REQUIRED}${name}` }
              : answer
          }
          // Some built-ins have a package of the same name (events, buffer, ...), which serves where the
          // target lacks them.
          const polyfill =
            source === name ? await this.resolve(source, from, { ...extra, skipSelf: true }) : null
          if (polyfill !== null && polyfill.external === false) return polyfill
          offences.push({
            kind: 'builtin',
            specifier: source,
            importer: from,
            required: extra.kind === 'require-call',
          })
          return answer
        }
        const found = await this.resolve(source, from, { ...extra, skipSelf: true })
        if (found !== null && found.external === false) return found
        // What unmoor's own code needs may lie in the project (optional peers).
        const inProject = isOwnFile(from)
          ? await this.resolve(source, join(projectDir, 'package.json'), { ...extra, skipSelf: true })
          : null
        if (inProject !== null) return inProject
        offences.push({
          kind: 'missing',
          specifier: source,
          importer: from,
          required: extra.kind === 'require-call',
        })
        return { id: source, external: true, moduleSideEffects: true }
      },
    },
    load: {
      filter: { id: /^\0unmoor:/ },
      handler(id) {
        if (id === ENTRY_ID) return { code: options.entry, moduleType: 'ts' }
        if (id === WRAPPED_ID) return { code: WRAPPED, moduleType: 'js' }
        // A require of an ES module gives what it exports under this name.
        return {
          code: `import value from 'node:${id.slice(REQUIRED.length)}'\nexport { value as 'module.exports' }`,
          moduleType: 'js',
          moduleSideEffects: false,
        }
      },
    },
  }
}

const WRAPPED = `import app from '#app'
import { withDataRoute } from 'unmoor/internal/data-route'
export * from '#app'
export default withDataRoute(app)
`

function publicName(source: string, onError: (error: unknown) => void): string | undefined {
  try {
    return resolvePublicName(source)
  } catch (error) {
    onError(error)
    throw new Error('refused', { cause: error })
  }
}

function isEntry(importer: string): boolean {
  return importer.endsWith(ENTRY_ID.slice(1)) || importer.endsWith(WRAPPED_ID.slice(1))
}

function isExternal(source: string, external: readonly string[]): boolean {
  return external.some((name) => source === name || source.startsWith(`${name}/`))
}
