import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isUnmoorError, UnmoorError } from '../../errors.ts'

/** The root folder of the package unmoor, which has its package.json. */
export const packageRoot: string = findRoot(dirname(fileURLToPath(import.meta.url)))

/** True if unmoor runs from its sources (a checkout), false if it runs from dist. */
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

/** Version of the package unmoor. */
export const packageVersion: string = packageJson.version

/**
 * Resolves a public name such as `unmoor/drivers/sqlite`, or `unmoor/internal/node/runtime` in generated
 * code, to a file. Returns undefined for any other specifier.
 *
 * @throws `NotFound` for a name `unmoor/...` that is not exported or not built.
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
  // The longest matching pattern of `exports` in package.json decides, as in Node: `./drivers/*/cron` is not
  // exported though `./drivers/*` matches it.
  const patterns = Object.entries(packageJson.exports).sort(([a], [b]) => b.length - a.length)
  for (const [pattern, target] of patterns) {
    const star = pattern.indexOf('*')
    if (star < 0 || !subpath.startsWith(pattern.slice(0, star)) || !subpath.endsWith(pattern.slice(star + 1)))
      continue
    const matched = subpath.slice(star, subpath.length - (pattern.length - star - 1))
    // The `*` of a pattern in `exports` matches a plain name only, so that `unmoor/drivers/../x` does not
    // resolve.
    if (/^[\w-]+$/.test(matched)) return target?.replace('*', matched)
  }
  return undefined
}

const OWN_CODE = ['core', 'adapters'].map((folder) => join(packageRoot, 'dist', folder) + sep)

/**
 * True if a file is part of unmoor's run-time code, rather than of an app within this package such as the
 * conformance suite's fixture.
 */
export function isOwnFile(path: string): boolean {
  return OWN_CODE.some((folder) => path.startsWith(folder))
}

/**
 * Turns Node's error for a missing package into one that names the package to install; returns any other
 * error unchanged.
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

/** Resolves a specifier (`./x.js`, `some-package`) to a file, as an import in the project would. */
export function resolveFrom(projectDir: string, specifier: string): string {
  return createRequire(join(projectDir, 'package.json')).resolve(specifier)
}
