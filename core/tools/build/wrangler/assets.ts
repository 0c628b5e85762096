import { existsSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { WorkerAssets, WorkerSpec } from '../../../compat/workers/spec.ts'
import type { DeclarationDraft } from './bindings.ts'
import { refuse, type Settings, warnUnknown } from './settings.ts'

/** Static assets. */
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
    // A plugin of a bundler knows the folder, and writes a wrangler file with it.
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
  if (html !== 'auto-trailing-slash')
    refuse(
      file,
      [...at, 'html_handling'],
      `only "auto-trailing-slash" (the default) can be kept on every target, not ${JSON.stringify(html)}.`,
      'Unsupported',
    )
  if (!['none', 'single-page-application', '404-page'].includes(missing as string))
    refuse(
      file,
      [...at, 'not_found_handling'],
      `it is none, single-page-application or 404-page, not ${JSON.stringify(missing)}.`,
    )
  if (Array.isArray(first))
    refuse(
      file,
      [...at, 'run_worker_first'],
      'patterns cannot be kept. Write true, and let the Worker call env.ASSETS.fetch(request) for the rest.',
      'Unsupported',
    )
  for (const special of ['_headers', '_redirects'])
    if (existsSync(join(folder, special)))
      refuse(
        file,
        [...at, 'directory'],
        `the folder has a ${special} file, which no target but Cloudflare reads. Do it in the Worker, ` +
          'with run_worker_first: true.',
        'Unsupported',
      )
  const binding = draft.names.take(typeof name === 'string' ? name : 'assets')
  const served: WorkerAssets = { binding, missing: missing as WorkerAssets['missing'] }
  const navigations = hasMain && first !== true && prefersAssets(settings)
  draft.declarations[binding] = {
    kind: 'assets',
    directory: relative(projectDir, folder) || '.',
    // What answers where there is no file is the Worker's part: its date and its entry decide.
    notFound: 'none',
    ...(first === true ? { appFirst: true } : {}),
  }
  if (typeof name === 'string') draft.bind(name, [...at, 'binding'], { type: 'assets', ...served })
  return { ...served, navigations }
}

/**
 * Whether navigations are the assets' own:
 * https://developers.cloudflare.com/workers/configuration/compatibility-flags/
 */
function prefersAssets(settings: Settings): boolean {
  const flags = settings.get('compatibility_flags')?.value
  const has = (flag: string): boolean => Array.isArray(flags) && flags.includes(flag)
  const date = settings.get('compatibility_date')?.value
  if (has('assets_navigation_has_no_effect')) return false
  return has('assets_navigation_prefers_asset_serving') || (typeof date === 'string' && date >= '2025-04-01')
}
