/** Where the running unmoor came from, so that a new project gets it from there too. */
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { packageRoot } from '../build/packages.ts'

/**
 * Returns the path from which the running unmoor can be installed: the folder of a checkout, or the tarball
 * that npm installed it from. Undefined if it came from a registry, or from where nothing tells.
 */
export function installSource(root: string = packageRoot): string | undefined {
  const modules = dirname(root)
  if (basename(modules) !== 'node_modules') return root
  const resolved = npmResolved(modules)
  if (resolved?.startsWith('file:') !== true) return undefined
  const file = resolve(dirname(modules), resolved.slice('file:'.length))
  return existsSync(file) ? file : undefined
}

/** Returns where npm got the package from, by the lockfile that it keeps in node_modules. */
function npmResolved(modules: string): string | undefined {
  const file = join(modules, '.package-lock.json')
  if (!existsSync(file)) return undefined
  const lock = JSON.parse(readFileSync(file, 'utf8')) as {
    packages?: Record<string, { resolved?: string }>
  }
  return lock.packages?.['node_modules/unmoor']?.resolved
}
