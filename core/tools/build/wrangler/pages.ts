/** Reads a Pages project: https://developers.cloudflare.com/pages/functions/wrangler-configuration/ */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { WorkerSpec } from '../../../compat/workers/spec.ts'
import type { HiddenAssets } from '../assets.ts'
import { listFiles } from './asset-files.ts'
import { readHeaders, readRedirects } from './asset-rules.ts'
import type { DeclarationDraft } from './bindings.ts'
import type { KeyPath } from './file.ts'
import { isEmpty, refuse, type Settings } from './settings.ts'

/** A Pages project as read from its wrangler file. */
export interface PagesProject {
  readonly assets: WorkerSpec['assets']
  readonly routes: WorkerSpec['routes']
  /** Absolute path of the Pages project's module `_worker.js`; undefined if there is none. */
  readonly main: string | undefined
  /**
   * Absolute path of the Pages project's folder `functions`; undefined if it is missing or unused because of
   * `_worker.js`.
   */
  readonly functions: string | undefined
}

/** Keys of a Worker's wrangler file that Pages refuses, with what to do instead. */
const WITHOUT_PAGES: Readonly<Record<string, string>> = {
  main: 'The code of a Pages project is _worker.js in its output folder, or the folder functions',
  assets: 'The assets of a Pages project are its output folder',
  site: 'The assets of a Pages project are its output folder',
  triggers: 'Put the crons into a Worker of their own',
  migrations: 'Put the Durable Objects into a Worker of their own, and name it as script_name',
  exports: 'Put the classes into a Worker of their own',
  rules: 'Import text as .txt or .html, data as .bin, WebAssembly as .wasm',
  define: 'Write the values into vars',
  alias: 'Import the modules by their own names',
  ratelimits: 'Count in KV or D1',
  secrets_store_secrets: 'Set it as a secret of the project',
}

/**
 * Reads a Pages project; undefined for a Worker's wrangler file. Errors are collected in `settings.problems`.
 */
export function readPagesProject(
  settings: Settings,
  draft: DeclarationDraft,
  projectDir: string,
): PagesProject | undefined {
  const found = settings.get('pages_build_output_dir')
  if (found === undefined) return undefined
  const { file, problems } = settings
  checkKeys(settings)
  bindBuild(settings, draft)
  const folder = problems.attempt(() => openFolder(settings, found))
  if (folder === undefined)
    return { assets: undefined, routes: undefined, main: undefined, functions: undefined }
  const main = problems.attempt(() => findWorker(settings, found.at, folder))
  const ownFunctions = join(file.dir, 'functions')
  const functions = isFolder(ownFunctions) ? ownFunctions : undefined
  if (main !== undefined && functions !== undefined)
    settings.log.warn(
      `${file.where(found.at)}: the folder functions is left out, as ${relative(file.dir, main)} is the ` +
        "project's code.",
    )
  const code = main ?? functions
  const tell = (message: string): void => settings.log.warn(`${file.where(found.at)}: ${message}`)
  const files = listFiles(folder, isHiddenOfPages).map((path) => `/${path}`)
  const binding = draft.names.take('ASSETS')
  const served = {
    binding,
    missing: 'none' as const,
    pages: {
      pages: files.filter((path) => path.endsWith('.html')),
      plain: files.filter((path) => !/\.[^/]*$/.test(path)),
      redirects: readRedirects(folder, tell),
      headers: readHeaders(folder, tell),
    },
  }
  draft.declarations[binding] = {
    kind: 'assets',
    directory: relative(projectDir, folder) || '.',
    notFound: 'none',
    appFirst: true,
  }
  problems.attempt(() => draft.bind('ASSETS', found.at, { type: 'assets', ...served }))
  return {
    assets: { ...served, navigations: false },
    routes: code === undefined ? undefined : problems.attempt(() => readRoutes(folder)),
    main,
    functions: main === undefined ? functions : undefined,
  }
}

/**
 * True for files in a Pages project's output folder that are not part of the site, as in `wrangler pages
 * deploy`.
 */
export const isHiddenOfPages: HiddenAssets = (path) =>
  /^(?:_worker\.js|_redirects|_headers|_routes\.json|functions)(?:\/|$)/.test(path) ||
  // The config `unmoor.config.*` is hidden, since the output folder of a Pages project may be the project's
  // own folder.
  /^unmoor\.config\.\w+$/.test(path) ||
  /(?:^|\/)node_modules(?:\/|$)/.test(path)

function checkKeys(settings: Settings): void {
  const { file, problems } = settings
  for (const [key, instead] of Object.entries(WITHOUT_PAGES)) {
    const found = settings.get(key)
    if (found !== undefined && !isEmpty(found.value))
      problems.attempt(() => refuse(file, found.at, `a Pages project has no such key. ${instead}.`))
  }
  const queues = settings.get('queues')
  const consumers = (queues?.value as { consumers?: unknown } | undefined)?.consumers
  if (queues !== undefined && Array.isArray(consumers) && consumers.length > 0)
    problems.attempt(() =>
      refuse(file, [...queues.at, 'consumers'], 'a Pages project consumes no queues. Let a Worker do that.'),
    )
  for (const name of Object.keys(file.content['env'] ?? {}))
    if (name !== 'preview' && name !== 'production')
      problems.attempt(() =>
        refuse(file, ['env', name], 'the environments of a Pages project are preview and production.'),
      )
}

function openFolder({ file, log }: Settings, { value, at }: { value: unknown; at: KeyPath }): string {
  if (typeof value !== 'string') return refuse(file, at, 'it is the path of a folder.')
  const folder = resolve(file.dir, value)
  if (!isFolder(folder))
    return refuse(
      file,
      at,
      `there is no folder ${folder}. Correct the path, or run the command that builds the site first.`,
    )
  if (!relative(folder, file.dir).startsWith('..'))
    log.warn(
      `${file.where(at)}: the folder holds the project itself, so its sources are served to everybody, as ` +
        'Pages has it; not functions, node_modules and what begins with a dot. Name a folder of its own.',
    )
  return folder
}

function findWorker({ file }: Settings, at: KeyPath, folder: string): string | undefined {
  const path = join(folder, '_worker.js')
  if (!existsSync(path)) return undefined
  if (!isFolder(path)) return path
  const index = join(path, 'index.js')
  if (!existsSync(index)) refuse(file, at, `${path} has no index.js, which is its entry.`)
  return index
}

/** Reads `_routes.json` with wrangler's checks. @throws `InvalidArgument`. */
function readRoutes(folder: string): WorkerSpec['routes'] {
  const path = join(folder, '_routes.json')
  if (!existsSync(path)) return undefined
  const text = readFileSync(path, 'utf8')
  const wrong = (line: number, why: string): never =>
    refuse(
      { path, dir: folder, content: {}, where: () => `_routes.json:${line}` },
      [],
      `${why} It is { "version": 1, "include": ["/*"], "exclude": [] }.`,
    )
  const lineOf = (rule: string): number =>
    text.slice(0, Math.max(0, text.indexOf(JSON.stringify(rule)))).split('\n').length
  let content: { version?: unknown; include?: unknown; exclude?: unknown }
  try {
    content = JSON.parse(text) as typeof content
  } catch (error) {
    return wrong(1, `it is no JSON (${(error as Error).message}).`)
  }
  const { include, exclude } = content ?? {}
  if (content?.version !== 1 || !isTexts(include) || !isTexts(exclude))
    return wrong(1, 'version is 1, include and exclude are lists of paths.')
  if (include.length === 0) return wrong(1, 'include has no path, so the code would answer nothing.')
  if (include.length + exclude.length > MOST) return wrong(1, `there are more than ${MOST} paths.`)
  for (const list of [include, exclude])
    for (const rule of list) {
      if (!rule.startsWith('/')) return wrong(lineOf(rule), `"${rule}" does not begin with /.`)
      if (rule.length > MOST) return wrong(lineOf(rule), `"${rule}" is longer than ${MOST} characters.`)
      const within = list.find((other) => other.endsWith('/*') && isWithin(rule, other))
      if (within !== undefined) return wrong(lineOf(rule), `"${rule}" is a part of "${within}". Remove it.`)
    }
  return { include, exclude }
}

/** Cloudflare's limits for `_routes.json`: most paths, and most characters of a path. */
const MOST = 100

function isWithin(rule: string, splat: string): boolean {
  return rule !== splat && rule.startsWith(splat.slice(0, -1))
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/**
 * Binds the variables that Cloudflare Pages sets for a build. `vars` of the wrangler file override them, and
 * the process's environment overrides both.
 */
function bindBuild(settings: Settings, draft: DeclarationDraft): void {
  const commit = git(settings.file.dir, 'rev-parse', 'HEAD') ?? '0'.repeat(40)
  const name = settings.get('name')?.value
  const values = {
    CF_PAGES: '1',
    CF_PAGES_BRANCH: git(settings.file.dir, 'rev-parse', '--abbrev-ref', 'HEAD') ?? 'local',
    CF_PAGES_COMMIT_SHA: commit,
    CF_PAGES_URL: `https://${commit.slice(0, 8)}.${String(name)}.pages.dev`,
  }
  for (const [variable, value] of Object.entries(values)) {
    if (Object.hasOwn(draft.env, variable)) continue
    draft.declarations[draft.names.keep(variable)] = { kind: 'variable', default: value }
    draft.bind(variable, ['name'], { type: 'var', binding: variable, value })
  }
}

function git(dir: string, ...args: string[]): string | undefined {
  try {
    return execFileSync('git', args, {
      cwd: dir,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return undefined
  }
}
