import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import type { AssetRouting, HtmlHandling, WorkerAssets, WorkerSpec } from '../../../compat/workers/spec.ts'
import { readPages } from './asset-files.ts'
import { readHeaders, readRedirects } from './asset-rules.ts'
import type { DeclarationDraft } from './bindings.ts'
import type { KeyPath } from './file.ts'
import { refuse, type Settings, warnUnknown } from './settings.ts'

/**
 * Reads `assets` of a wrangler file and declares the assets binding; undefined without a directory of assets.
 */
export function readAssets(
  settings: Settings,
  draft: DeclarationDraft,
  projectDir: string,
  hasMain: boolean,
): WorkerSpec['assets'] {
  const { file } = settings
  const found = settings.get('assets')
  if (found === undefined) return undefined
  const { value, at } = found
  const assets = value as Record<string, unknown>
  const known = ['directory', 'binding', 'html_handling', 'not_found_handling', 'run_worker_first']
  for (const key of Object.keys(assets)) if (!known.includes(key)) warnUnknown(settings, [...at, key], known)
  const {
    directory,
    html_handling: html = 'auto-trailing-slash',
    not_found_handling: missing = 'none',
    run_worker_first: first = false,
    binding: name,
  } = assets
  if (directory === undefined) {
    // Without `assets.directory`, a bundler plugin such as Vite's supplies the folder and writes a wrangler
    // file that names it.
    settings.log.warn(
      `${file.where(at)}: there is no "directory", so the Worker has no assets: every request is its own. ` +
        'Where a bundler makes them (Vite), run its build first.',
    )
    if (typeof name === 'string') draft.bind(name, [...at, 'binding'], { type: 'noAssets' })
    return undefined
  }
  if (typeof directory !== 'string') return refuse(file, [...at, 'directory'], 'it is the path of a folder.')
  const folder = resolve(file.dir, directory)
  if (!existsSync(folder))
    refuse(file, [...at, 'directory'], `there is no folder ${folder}. Build the assets first.`)
  if (!HTML.includes(html as HtmlHandling))
    refuse(file, [...at, 'html_handling'], `it is one of ${HTML.join(', ')}, not ${JSON.stringify(html)}.`)
  if (!['none', 'single-page-application', '404-page'].includes(missing as string))
    refuse(
      file,
      [...at, 'not_found_handling'],
      `it is none, single-page-application or 404-page, not ${JSON.stringify(missing)}.`,
    )
  const workerFirst = Array.isArray(first)
    ? readPatterns(settings, [...at, 'run_worker_first'], first)
    : undefined
  const tell = (message: string): void => settings.log.warn(`${file.where([...at, 'directory'])}: ${message}`)
  const redirects = readRedirects(folder, tell, html as HtmlHandling)
  const headers = readHeaders(folder, tell)
  // The target serves assets before the app by Cloudflare's default rules. Other settings are handled within
  // the app.
  const routed =
    html !== 'auto-trailing-slash' || workerFirst !== undefined || redirects.length > 0 || headers.length > 0
  const routing: AssetRouting | undefined = routed
    ? {
        html: html as HtmlHandling,
        pages: readPages(folder),
        redirects,
        headers,
        workerFirst,
        always: first === true,
      }
    : undefined
  const binding = draft.names.take(typeof name === 'string' ? name : 'assets')
  const served: WorkerAssets = { binding, missing: missing as WorkerAssets['missing'], routing }
  const navigations = hasMain && first !== true && prefersAssets(settings)
  draft.declarations[binding] = {
    kind: 'assets',
    directory: relative(projectDir, folder) || '.',
    // The Worker's facade answers for missing assets, depending on the compatibility date and the entry.
    notFound: 'none',
    ...(first === true || routed ? { appFirst: true } : {}),
  }
  if (typeof name === 'string') draft.bind(name, [...at, 'binding'], { type: 'assets', ...served })
  return { ...served, navigations }
}

const HTML: readonly HtmlHandling[] = [
  'auto-trailing-slash',
  'force-trailing-slash',
  'drop-trailing-slash',
  'none',
]

/**
 * Reads `run_worker_first` of a wrangler file, a list of paths with `*`; patterns that begin with `!` are
 * exceptions.
 */
function readPatterns(
  { file }: Settings,
  at: KeyPath,
  patterns: readonly unknown[],
): NonNullable<AssetRouting['workerFirst']> {
  const include: string[] = []
  const exclude: string[] = []
  for (const [index, pattern] of patterns.entries()) {
    if (typeof pattern !== 'string' || !/^!?\//.test(pattern))
      return refuse(file, [...at, index], 'a pattern is a path such as "/api/*", or "!/api/docs/*".')
    if (pattern.startsWith('!')) exclude.push(pattern.slice(1))
    else include.push(pattern)
  }
  if (include.length === 0) refuse(file, at, 'it needs a pattern that does not begin with "!".')
  return { include, exclude }
}

/**
 * True if assets, not the Worker, answer browser navigations:
 * https://developers.cloudflare.com/workers/configuration/compatibility-flags/
 */
function prefersAssets(settings: Settings): boolean {
  const flags = settings.get('compatibility_flags')?.value
  const has = (flag: string): boolean => Array.isArray(flags) && flags.includes(flag)
  const date = settings.get('compatibility_date')?.value
  if (has('assets_navigation_has_no_effect')) return false
  return has('assets_navigation_prefers_asset_serving') || (typeof date === 'string' && date >= '2025-04-01')
}
