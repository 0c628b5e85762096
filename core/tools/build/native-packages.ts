/** Packages with machine code cannot be bundled, so an artifact installs them beside the bundle. */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { cp, mkdir, symlink } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import type { InstalledPackage } from '../../adapter.ts'
import { UnmoorError } from '../../errors.ts'

interface PackageJson {
  name?: string
  version?: string
  browser?: unknown
  exports?: unknown
  gypfile?: boolean
  napi?: unknown
  binary?: unknown
  os?: unknown
  cpu?: unknown
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  peerDependenciesMeta?: Record<string, { optional?: boolean }>
}

/** Helper packages that find or build the machine code of packages which depend on them. */
const LOADERS = [
  'bindings',
  'node-gyp-build',
  'node-gyp-build-optional-packages',
  'node-pre-gyp',
  '@mapbox/node-pre-gyp',
  'prebuild-install',
  'node-addon-api',
]

/** The folder of the installed package that holds `file`; undefined for a file of the app. */
export function packageFolder(file: string): string | undefined {
  const at = file.lastIndexOf(`${sep}node_modules${sep}`)
  // Ids of the bundler's virtual modules begin with \0 and may also contain paths.
  if (at < 0 || file.startsWith('\0')) return undefined
  const start = at + `${sep}node_modules${sep}`.length
  const parts = file.slice(start).split(sep)
  return file.slice(0, start) + parts.slice(0, parts[0]?.startsWith('@') === true ? 2 : 1).join(sep)
}

/**
 * Folder of the package `name` as Node resolves it from the folder `from`; undefined if it is not installed.
 */
export function findPackage(name: string, from: string): string | undefined {
  for (let dir = from; ; dir = dirname(dir)) {
    const found = join(dir, 'node_modules', name)
    if (existsSync(join(found, 'package.json'))) return realpathSync(found)
    if (dir === dirname(dir)) return undefined
  }
}

/** Tells which npm packages have machine code; each package is inspected once. */
export class NativePackages {
  #known = new Map<string, boolean>()

  /**
   * True if the package in `dir` has machine code, or an optional dependency with its machine code for this
   * platform.
   */
  has(dir: string): boolean {
    const known = this.#known.get(dir)
    if (known !== undefined) return known
    const found = hasMachineCode(dir)
    this.#known.set(dir, found)
    return found
  }
}

function hasMachineCode(dir: string): boolean {
  const json = readPackage(dir)
  if (json.gypfile === true || json.napi !== undefined || json.binary !== undefined) return true
  if (LOADERS.some((name) => json.dependencies?.[name] !== undefined)) return true
  const files = readdirSync(dir)
  if (files.some((name) => name === 'binding.gyp' || name === 'prebuilds' || name.endsWith('.node')))
    return true
  if (existsSync(join(dir, 'build/Release'))) return true
  const short = json.name?.split('/').at(-1) ?? dir
  // For machine code, only optional dependencies named after the package count: sharp has
  // @img/sharp-linux-x64, but chokidar works without its fsevents.
  return Object.keys(json.optionalDependencies ?? {}).some((name) => {
    const part = name.includes(short) ? findPackage(name, dir) : undefined
    if (part === undefined) return false
    const own = readPackage(part)
    return (own.os !== undefined || own.cpu !== undefined) && JSON.stringify(own).includes('.node"')
  })
}

/** True if a package has a variant for browsers, which needs no machine code. */
export function hasBrowserForm(dir: string): boolean {
  const { browser, exports } = readPackage(dir)
  return browser !== undefined || JSON.stringify(exports ?? '').includes('"browser"')
}

/** Name, version and folder of a package, for the list of packages that an artifact installs. */
export function describePackage(dir: string): InstalledPackage {
  const { name, version } = readPackage(dir)
  return { name: name ?? dir, version: version ?? '*', dir }
}

/**
 * Copies npm packages and their dependencies into `outDir`/node_modules. The layout is flat; a second version
 * of a package goes below the package that depends on it.
 */
export async function copyPackages(packages: Iterable<InstalledPackage>, outDir: string): Promise<void> {
  const top = new Map<string, string>()
  const copy = async (name: string, dir: string, parent: string): Promise<void> => {
    if (top.get(name) === dir) return
    const isTop = !top.has(name)
    if (isTop) top.set(name, dir)
    const place = join(isTop ? outDir : parent, 'node_modules', name)
    if (existsSync(place)) return
    await mkdir(dirname(place), { recursive: true })
    await cp(dir, place, {
      recursive: true,
      dereference: true,
      filter: (source) => !source.startsWith(join(dir, 'node_modules')),
    })
    const { dependencies, optionalDependencies, peerDependencies } = readPackage(dir)
    for (const other of Object.keys({ ...peerDependencies, ...optionalDependencies, ...dependencies })) {
      const found = findPackage(other, dir)
      if (found !== undefined) await copy(other, found, place)
      else if (dependencies?.[other] !== undefined && optionalDependencies?.[other] === undefined)
        throw new UnmoorError(
          'InvalidArgument',
          `The package ${name}, which the artifact installs, needs ${other}, which is not installed. Run: ` +
            'npm install',
          { operation: 'build' },
        )
    }
  }
  for (const { name, dir } of packages) await copy(name, dir, outDir)
}

/** Symlinks npm packages into `outDir`/node_modules, for a bundle that runs once on this machine. */
export async function linkPackages(packages: Iterable<InstalledPackage>, outDir: string): Promise<void> {
  for (const { name, dir } of packages) {
    const place = join(outDir, 'node_modules', name)
    await mkdir(dirname(place), { recursive: true })
    await symlink(dir, place, 'junction')
  }
}

/** The package.json of the package in `dir`; an empty object if it cannot be read. */
export function readPackage(dir: string): PackageJson {
  try {
    return JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as PackageJson
  } catch {
    return {}
  }
}
