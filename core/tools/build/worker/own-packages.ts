/**
 * Resolves the packages that unmoor's run-time code imports in a Worker's bundle: unmoor needs their Node
 * variants, while the Worker's own packages resolve to variants for Workers.
 */
import { isBuiltin } from 'node:module'
import { dirname } from 'node:path'
import type { Plugin } from 'rolldown'
import { NativePackages, packageFolder } from '../native-packages.ts'
import { isOwnFile } from '../packages.ts'

/** Export conditions that wrangler uses. The bundler adds `import` or `require` for each import. */
export const WORKER_CONDITIONS: readonly string[] = ['workerd', 'worker', 'browser', 'default']

/**
 * Bundler plugin that resolves unmoor's packages, and their imports in turn, by the export conditions
 * `conditions`.
 */
export async function ownPackagesPlugin(
  conditions: readonly string[],
  projectDir: string,
  external: readonly string[],
): Promise<Plugin> {
  const { ResolverFactory } = await import('rolldown/experimental')
  const neutral = conditions.filter((name) => name !== 'import' && name !== 'require')
  const create = (kind: 'import' | 'require'): InstanceType<typeof ResolverFactory> =>
    new ResolverFactory({
      conditionNames: [...neutral, kind],
      mainFields: kind === 'import' ? ['module', 'main'] : ['main'],
      extensions: ['.js', '.mjs', '.cjs', '.json'],
    })
  const resolvers = { import: create('import'), require: create('require') }
  const folders = new Set<string>()
  const native = new NativePackages()
  return {
    name: 'unmoor:own-packages',
    resolveId: {
      filter: { id: /^[^\0]/ },
      handler(source, importer, { kind }) {
        if (importer === undefined || isBuiltin(source) || external.includes(source)) return null
        const isOwn = isOwnFile(importer)
        const isName = /^[^./#]/.test(source) && !/^unmoor(?:\/|$)/.test(source)
        const folder = packageFolder(importer)
        if (isOwn ? !isName : folder === undefined || !folders.has(folder)) return null
        const resolver = resolvers[kind === 'require-call' ? 'require' : 'import']
        const path =
          resolver.sync(dirname(importer), source).path ??
          // Optional peer dependencies of unmoor, such as postgres, may be installed in the project only.
          (isOwn ? resolver.sync(projectDir, source).path : undefined)
        const found = path === undefined ? undefined : packageFolder(path)
        if (path === undefined || found === undefined || native.has(found)) return null
        folders.add(found)
        return { id: path }
      },
    },
  }
}
