/** Locates the code and the asset files of a Worker: from `main` and `assets`, or from a Pages project. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { WorkerSpec } from '../../../compat/workers/spec.ts'
import type { HiddenAssets } from '../assets.ts'
import { readAssets } from '../wrangler/assets.ts'
import type { DeclarationDraft } from '../wrangler/bindings.ts'
import { appName } from '../wrangler/names.ts'
import { isHiddenOfPages, type PagesProject, readPagesProject } from '../wrangler/pages.ts'
import { refuse, type Settings } from '../wrangler/settings.ts'
import { readSite, siteEntry } from '../wrangler/site.ts'
import { type CompiledFunctions, compileFunctions } from './functions.ts'

/** Places of the code and asset files of a Worker. */
export interface Layout {
  /** Absolute path of the Worker's main module; undefined for a Worker that only has assets. */
  readonly main: string | undefined
  /** Absolute path of the Worker's own code: a folder, or the file `_worker.js` of a Pages project. */
  readonly source: string | undefined
  /** Compiled Pages functions from which the main module is generated. */
  readonly functions: CompiledFunctions | undefined
  readonly assets: WorkerSpec['assets']
  readonly routes: WorkerSpec['routes']
  readonly site: WorkerSpec['site']
  /** Returns true if a file of the assets folder is not an asset; used instead of an `.assetsignore`. */
  readonly isHidden: HiddenAssets | undefined
  /**
   * True if the Worker's main module must be an ES module, so the check for the Service Worker syntax is
   * skipped.
   */
  readonly isModule: boolean
}

/** Options of {@link readLayout}. */
export interface LayoutOptions {
  projectDir: string
  /** Absolute path of the Worker's main module, overriding `main` of the wrangler file. */
  main: string | undefined
  /**
   * If true, wrangler compiles the Pages functions; if false, an earlier build is assumed to have done so.
   */
  compile: boolean
  name: string
}

/** File name of the generated module that Workers Sites import as `__STATIC_CONTENT_MANIFEST`. */
export const MANIFEST_FILE = 'site-manifest.mjs'

/** Folder of the generated files of a Worker. */
export function generatedFolder(projectDir: string, name: string): string {
  return join(projectDir, '.unmoor', 'worker', appName(name))
}

/** Reads a Worker's layout. Errors are collected in `settings.problems`. */
export async function readLayout(
  settings: Settings,
  draft: DeclarationDraft,
  options: LayoutOptions,
): Promise<Layout> {
  const { problems } = settings
  const pages = readPagesProject(settings, draft, options.projectDir)
  if (pages !== undefined) return readPagesLayout(settings, pages, options)
  const main = problems.attempt(() => readMain(settings, options.main))
  const site = problems.attempt(() => readSite(settings, draft, options.projectDir))
  const assets =
    settings.get('site') === undefined
      ? problems.attempt(() => readAssets(settings, draft, options.projectDir, main !== undefined))
      : undefined
  return {
    main,
    source: main === undefined ? undefined : resolve(main, '..'),
    functions: undefined,
    assets,
    routes: undefined,
    site: site?.site,
    isHidden: site?.isHidden,
    isModule: false,
  }
}

async function readPagesLayout(
  settings: Settings,
  { assets, routes, main, functions }: PagesProject,
  { projectDir, main: given, compile, name }: LayoutOptions,
): Promise<Layout> {
  const { file, problems, log } = settings
  const where = file.where(['pages_build_output_dir'])
  if (given !== undefined)
    problems.attempt(() =>
      refuse(
        file,
        ['pages_build_output_dir'],
        'the code of a Pages project is _worker.js or functions: leave out --main.',
      ),
    )
  const layout: Layout = {
    main,
    // In a Pages project, `_worker.js` may be a file beside the site's own scripts, or a folder with only the
    // Worker's code.
    source: main === undefined ? functions : main.endsWith('_worker.js') ? main : resolve(main, '..'),
    functions: undefined,
    assets,
    routes,
    site: undefined,
    isHidden: isHiddenOfPages,
    isModule: true,
  }
  if (functions === undefined) return layout
  const folder = generatedFolder(projectDir, name)
  const generated = join(folder, 'functions.mjs')
  // If another problem refuses the build anyway, wrangler still compiles the functions, so that its errors
  // are reported too.
  if (!compile && problems.messages.length === 0) return { ...layout, main: generated }
  const date = settings.get('compatibility_date')?.value
  const flags = settings.get('compatibility_flags')?.value
  const compiled = await compileFunctions({
    folder: functions,
    dir: file.dir,
    generated: folder,
    where,
    compatibilityDate: typeof date === 'string' ? date : '2021-11-02',
    compatibilityFlags: Array.isArray(flags) ? flags.map(String) : [],
  }).catch((error: unknown) => {
    problems.add(error)
    return null
  })
  if (compiled === null) return layout
  if (compiled !== undefined) return { ...layout, main: generated, functions: compiled }
  log.warn(
    `${where}: no module in the folder functions exports onRequest or the like, so the files alone are ` +
      'served, as wrangler does.',
  )
  return { ...layout, source: undefined, routes: undefined }
}

function readMain(settings: Settings, given: string | undefined): string | undefined {
  const { file } = settings
  if (given !== undefined) {
    if (!existsSync(given)) refuse(file, ['main'], `there is no file ${given}. Correct --main.`)
    return given
  }
  const entry = siteEntry(settings)
  const found =
    settings.get('main') ?? (entry === undefined ? undefined : { value: entry.path, at: entry.at })
  if (found === undefined) {
    if (settings.get('assets') !== undefined) return undefined
    return refuse(
      file,
      ['main'],
      'the Worker has no entry. Add "main", the path of its module. A Pages project has ' +
        '"pages_build_output_dir", the folder of its site.',
    )
  }
  if (typeof found.value !== 'string') return refuse(file, found.at, 'it is the path of a module.')
  const path = resolve(file.dir, found.value)
  if (!existsSync(path))
    refuse(
      file,
      found.at,
      `there is no file ${path}. Correct "main", or run the command that builds it first.`,
    )
  if (path.endsWith('.py')) refuse(file, found.at, 'Python Workers run on Cloudflare only.', 'Unsupported')
  return path
}
