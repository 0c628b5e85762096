/**
 * Loads the Miniflare and workerd that the installed wrangler depends on, so that `unmoor start` and
 * `wrangler dev` run the same code over the same local state.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type * as Miniflare from 'miniflare'
import { UnmoorError } from '../../../core/errors.ts'

/**
 * Oldest supported wrangler: the first whose Miniflare accepts the options of {@link SimulatorConfig}. The
 * peer range in package.json begins there.
 */
export const OLDEST_WRANGLER = '4.150.0'
/** Supported major version of Miniflare; later versions may have other options. */
const MINIFLARE_MAJOR = 5
const INSTALL = `npm install --save-dev wrangler@^${OLDEST_WRANGLER}`

export interface InstalledMiniflare {
  miniflare: typeof Miniflare
  /** Installed versions of wrangler, Miniflare and workerd. */
  versions: { wrangler: string; miniflare: string; workerd: string }
  /** Path of the installed wrangler's package.json. */
  wrangler: string
}

/**
 * Loads the Miniflare that wrangler depends on. A package manager may nest it, or put it where only wrangler
 * sees it (pnpm), so Miniflare is resolved from wrangler's own folder.
 *
 * @param places files or folders (with a slash at the end) from which wrangler is resolved, in order.
 * Default: this package, which names wrangler as a peer, and then the working directory.
 * @throws `Unavailable` if wrangler is missing, or has a Miniflare that this version does not know.
 */
export function loadMiniflare(
  places: readonly (string | URL)[] = [import.meta.url, join(process.cwd(), '/')],
): InstalledMiniflare {
  const file = findWrangler(places)
  if (file === undefined)
    throw unavailable(
      `Running a Worker on this machine needs wrangler, which brings workerd and Miniflare: ${INSTALL}`,
    )
  const wrangler = versionOf(file)
  const fromWrangler = createRequire(file)
  const miniflareFile = resolve(fromWrangler, 'miniflare/package.json', file)
  const miniflare = versionOf(miniflareFile)
  const found = `${file} is wrangler ${wrangler}, with Miniflare ${miniflare}`
  if (isOlder(wrangler, OLDEST_WRANGLER))
    throw unavailable(
      `${found}. Running a Worker on this machine needs wrangler ${OLDEST_WRANGLER} or later, with ` +
        `Miniflare ${MINIFLARE_MAJOR}: ${INSTALL}`,
    )
  if (Number.parseInt(miniflare, 10) !== MINIFLARE_MAJOR)
    throw unavailable(
      `${found}. This version of unmoor knows Miniflare ${MINIFLARE_MAJOR} alone: update unmoor, ` +
        `or ${INSTALL}`,
    )
  const fromMiniflare = createRequire(miniflareFile)
  const workerd = versionOf(resolve(fromMiniflare, 'workerd/package.json', miniflareFile))
  return {
    miniflare: fromWrangler('miniflare') as typeof Miniflare,
    versions: { wrangler, miniflare, workerd },
    wrangler: file,
  }
}

function findWrangler(places: readonly (string | URL)[]): string | undefined {
  for (const place of places) {
    try {
      return createRequire(place).resolve('wrangler/package.json')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  return undefined
}

function resolve(require: NodeJS.Require, name: string, dependent: string): string {
  try {
    return require.resolve(name)
  } catch (error) {
    throw unavailable(
      `${dependent} is installed without its dependency ${name.split('/')[0]}. Install the packages ` +
        'again, such as with npm ci.',
      error,
    )
  }
}

function versionOf(file: string): string {
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** Compares two version numbers of packages; a prerelease counts as its release. */
function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('-')[0]?.split('.').map(Number) ?? []) as [
    number[],
    number[],
  ]
  const index = b.findIndex((part, at) => (a[at] ?? 0) !== part)
  return index !== -1 && (a[index] ?? 0) < (b[index] as number)
}

function unavailable(message: string, cause?: unknown): UnmoorError {
  return new UnmoorError('Unavailable', message, {
    operation: 'start',
    retryable: false,
    ...(cause === undefined ? {} : { cause }),
  })
}
