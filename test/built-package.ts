import { existsSync } from 'node:fs'
import { dirname, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SOURCES = ['core', 'adapters']

/**
 * A test's imports of `core` and `adapters` mean the modules of `dist`, which Node loads by itself. Vitest
 * would transform each of them, and each child process that the code starts would strip the types of its own
 * once more: together a quarter of the tests' CPU time.
 */
export function builtPackage(): Plugin {
  return {
    name: 'unmoor:built-package',
    enforce: 'pre',
    resolveId(source, importer) {
      const built = importer === undefined ? undefined : builtFile(source, importer)
      return built === undefined ? undefined : { id: built, external: true }
    },
  }
}

/**
 * The module of `dist` that a relative import of `core` or `adapters` stands for; undefined for any other.
 */
export function builtFile(source: string, importer: string): string | undefined {
  if (!source.startsWith('.')) return undefined
  const file = resolve(dirname(importer), source)
  const place = relative(ROOT, file)
  if (!file.endsWith('.ts') || !SOURCES.includes(place.split(sep)[0] ?? '')) return undefined
  const built = resolve(ROOT, 'dist', place.replace(/\.ts$/, '.js'))
  if (!existsSync(built)) throw new Error(`${place} is not in dist. Run: npm run build`)
  return built
}
