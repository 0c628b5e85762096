/** The package under check: its folder, its package.json and the entries that it exports. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

interface PackageJson {
  name: string
  version: string
  exports: Readonly<Record<string, string | null>>
  dependencies: Readonly<Record<string, string>>
}

export const ROOT = resolve(import.meta.dirname, '../..')

export interface Entry {
  /** What a user writes: `unmoor/drivers/sqlite`. */
  specifier: string
  /** The declaration file, absolute. */
  declarations: string
  /** Only generated code may import it. */
  internal: boolean
}

export function readPackage(root: string): PackageJson {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as PackageJson
}

/** Every module that `exports` names. A pattern stands for each folder that it matches. */
export function packageEntries(root: string): Entry[] {
  const { name, exports } = readPackage(root)
  return Object.entries(exports).flatMap(([subpath, target]) => {
    if (target === null || !target.endsWith('.js')) return []
    return expand(root, subpath, target).map(([path, file]) => ({
      specifier: name + path.slice(1),
      declarations: join(root, file.replace(/\.js$/, '.d.ts')),
      internal: path.startsWith('./internal/'),
    }))
  })
}

function expand(root: string, subpath: string, target: string): [string, string][] {
  const [before, after] = target.split('*')
  if (before === undefined || after === undefined) return [[subpath, target]]
  return readdirSync(join(root, before))
    .filter((name) => existsSync(join(root, before + name + after)))
    .sort()
    .map((name) => [subpath.replace('*', name), before + name + after])
}
