import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isUnmoorError, UnmoorError } from '../../errors.ts'

/** This package's own folder: where its package.json lies. */
export const packageRoot: string = findRoot(dirname(fileURLToPath(import.meta.url)))

/** True if this code runs from the sources (a checkout) and not from dist. */
export const fromSource: boolean = import.meta.url.endsWith('.ts')

interface PackageJson {
  version: string
  exports: Record<string, string | null>
}

function findRoot(from: string): string {
  for (let dir = from; ; dir = dirname(dir)) {
    const file = join(dir, 'package.json')
    if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'unmoor')
      return dir
    if (dir === dirname(dir))
      throw new UnmoorError('Internal', `No package.json of unmoor above ${from}. Install unmoor again.`)
  }
}

const packageJson = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as PackageJson

/** This package's version. */
export const packageVersion: string = packageJson.version

/**
 * The file of one of unmoor's entries, such as `unmoor/drivers/sqlite` or, for generated code,
 * `unmoor/internal/node/runtime`; undefined for what is no name of unmoor's.
 *
 * @throws `NotFound` for `unmoor/...` that is not exported or not built.
 */
export function resolvePublicName(specifier: string): string | undefined {
  if (specifier !== 'unmoor' && !specifier.startsWith('unmoor/')) return undefined
  const file = exportedFile(`.${specifier.slice('unmoor'.length)}`)
  if (file === undefined) {
    const names = Object.keys(packageJson.exports).filter(
      (subpath) => packageJson.exports[subpath] !== null && !subpath.startsWith('./internal/'),
    )
    throw new UnmoorError(
      'NotFound',
      `"${specifier}" is not exported by unmoor. It exports: ${names.join(', ')}.`,
    )
  }
  const path = join(packageRoot, file)
  if (!existsSync(path))
    throw new UnmoorError(
      'NotFound',
      `"${specifier}" has no file ${path}.${fromSource ? ' Run: npm run build' : ''}`,
    )
  return path
}

function exportedFile(subpath: string): string | undefined {
  const exact = packageJson.exports[subpath]
  if (exact !== undefined) return exact ?? undefined
  // As in Node, of patterns that begin alike the longer one holds: `./drivers/*/cron` is closed though
  // `./drivers/*` matches it.
  const patterns = Object.entries(packageJson.exports).sort(([a], [b]) => b.length - a.length)
  for (const [pattern, target] of patterns) {
    const star = pattern.indexOf('*')
    if (star < 0 || !subpath.startsWith(pattern.slice(0, star)) || !subpath.endsWith(pattern.slice(star + 1)))
      continue
    const matched = subpath.slice(star, subpath.length - (pattern.length - star - 1))
    // Names, never a way up: `unmoor/drivers/../x` is nobody's.
    if (/^[\w-]+$/.test(matched)) return target?.replace('*', matched)
  }
  return undefined
}

const OWN_CODE = ['core', 'adapters'].map((folder) => join(packageRoot, 'dist', folder) + sep)

/**
 * True if a file is part of unmoor's run-time code (and not of an app that lies in this package, such as the
 * suite's fixture).
 */
export function isOwnFile(path: string): boolean {
  return OWN_CODE.some((folder) => path.startsWith(folder))
}

/**
 * What Node says of a package that is not there, as an error that says what to install; any other error as it
 * is.
 */
export function explainMissingPackage(error: unknown, neededBy: string): unknown {
  if (isUnmoorError(error) || !(error instanceof Error)) return error
  const code = (error as NodeJS.ErrnoException).code
  const name = /Cannot find (?:package|module) '((?:@[^/'.]+\/)?[^/'.][^/']*)/.exec(error.message)?.[1]
  if (
    (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') ||
    name === undefined ||
    name === 'unmoor'
  )
    return error
  return new UnmoorError(
    'NotFound',
    `${neededBy} needs the package ${name}, which is not installed. Run: npm install ${name}`,
    { cause: error },
  )
}

/** The path of a module as the project would import it (`./x.js`, `some-package`). */
export function resolveFrom(projectDir: string, specifier: string): string {
  return createRequire(join(projectDir, 'package.json')).resolve(specifier)
}
