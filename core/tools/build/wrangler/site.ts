/** Reads Workers Sites: files that a Worker reads from a KV namespace, by a manifest. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, posix, relative, resolve } from 'node:path'
import type { WorkerSpec } from '../../../compat/workers/spec.ts'
import type { HiddenAssets } from '../assets.ts'
import { createAssetsIgnore } from '../assets-ignore.ts'
import { listFiles } from './asset-files.ts'
import type { DeclarationDraft } from './bindings.ts'
import type { KeyPath } from './file.ts'
import { refuse, type Settings, warnUnknown } from './settings.ts'

/** A Workers Site as read from the wrangler file. */
export interface Site {
  readonly site: NonNullable<WorkerSpec['site']>
  readonly isHidden: HiddenAssets
}

const KEYS = ['bucket', 'include', 'exclude', 'entry-point']
/** Most bytes of a Workers Site's file, which is a value of KV. */
const MAX_FILE = 25 * 1024 * 1024
/** Most characters of the key of a Workers Site's file, which is a key of KV. */
const MAX_KEY = 512

/**
 * Reads `site` of a wrangler file; undefined if there is none. @throws `InvalidArgument` for an invalid one.
 */
export function readSite(settings: Settings, draft: DeclarationDraft, projectDir: string): Site | undefined {
  const found = settings.get('site')
  if (found === undefined) return undefined
  const { file } = settings
  const { value, at } = found
  if (typeof value !== 'object' || value === null)
    return refuse(file, at, 'it is a table with "bucket", the folder of the files.')
  const table = value as Record<string, unknown>
  for (const key of Object.keys(table)) if (!KEYS.includes(key)) warnUnknown(settings, [...at, key], KEYS)
  if (settings.get('assets') !== undefined)
    refuse(file, at, 'a Worker has a site or assets, not both. Remove one of the two.')
  const bucket = table['bucket']
  if (typeof bucket !== 'string')
    return refuse(file, [...at, 'bucket'], 'it is the path of the folder that has the files.')
  const folder = resolve(file.dir, bucket)
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    refuse(file, [...at, 'bucket'], `there is no folder ${folder}. Build the site first.`)
  const include = readPatterns(settings, [...at, 'include'], table['include'])
  const exclude = readPatterns(settings, [...at, 'exclude'], table['exclude'])
  const isHidden: HiddenAssets = (path) =>
    /(?:^|\/)node_modules(?:\/|$)/.test(path) ||
    (statSync(join(folder, path), { throwIfNoEntry: false })?.isFile() === true &&
      (include?.(path) === false || exclude?.(path) === true))
  const manifest: Record<string, string> = {}
  for (const path of listFiles(folder, isHidden))
    manifest[path] = keyOf(settings, [...at, 'bucket'], folder, path)
  const binding = draft.names.take('staticContent')
  draft.declarations[binding] = {
    kind: 'assets',
    directory: relative(projectDir, folder) || '.',
    notFound: 'none',
    appFirst: true,
  }
  draft.bind('__STATIC_CONTENT', at, { type: 'site' })
  return { site: { binding, manifest }, isHidden }
}

/**
 * Path of the Worker's module in `site.entry-point`, index.js for a folder; undefined without an entry point.
 */
export function siteEntry(settings: Settings): { path: string; at: KeyPath } | undefined {
  const site = settings.get('site')
  const entry = (site?.value as { 'entry-point'?: unknown } | undefined)?.['entry-point']
  if (site === undefined || typeof entry !== 'string') return undefined
  const path = resolve(settings.file.dir, entry)
  return {
    path: posix.extname(entry) === '' ? join(path, 'index.js') : path,
    at: [...site.at, 'entry-point'],
  }
}

/** Reads a list of patterns in .gitignore syntax as a test of a path; undefined without patterns. */
function readPatterns(
  { file }: Settings,
  at: KeyPath,
  value: unknown,
): ((path: string) => boolean) | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string'))
    return refuse(file, at, 'it is a list of patterns, in the syntax of .gitignore.')
  return value.length === 0 ? undefined : createAssetsIgnore(value.join('\n'))
}

/**
 * KV key of a Workers Site's file: its path with a hash of path and content, so that a changed file gets a
 * new key.
 */
function keyOf({ file }: Settings, at: KeyPath, folder: string, path: string): string {
  const bytes = readFileSync(join(folder, path))
  if (bytes.byteLength > MAX_FILE)
    refuse(file, at, `${path} is larger than 25 MiB, which a value of KV can have.`)
  const hash = createHash('sha256').update(path).update('\0').update(bytes).digest('hex').slice(0, 10)
  const extension = posix.extname(path)
  const key = `${path.slice(0, path.length - extension.length)}.${hash}${extension}`
  if (key.length > MAX_KEY) refuse(file, at, `the name of ${path} is longer than a key of KV can be.`)
  return key
}

/**
 * Types of the bindings for a wrangler file's `wasm_modules`, `text_blobs` and `data_blobs`, which are
 * globals in the Service Worker syntax.
 */
const BLOBS = { wasm_modules: 'wasm', text_blobs: 'text', data_blobs: 'data' } as const
const INSTEAD = {
  wasm_modules: 'Import the .wasm file: import module from "./x.wasm"',
  text_blobs: 'Import the file: import text from "./x.txt", with a rule of type Text for other names',
  data_blobs: 'Import the file: import data from "./x.bin", with a rule of type Data for other names',
}

/** Binds the files that a wrangler file lists in `wasm_modules`, `text_blobs` and `data_blobs`. */
export function readBlobs(settings: Settings, draft: DeclarationDraft, isServiceWorker: boolean): void {
  const { file, problems } = settings
  for (const key of ['wasm_modules', 'text_blobs', 'data_blobs'] as const) {
    const found = settings.get(key)
    if (found === undefined) continue
    const { value, at } = found
    problems.attempt(() => {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        return refuse(file, at, 'it is a table of names and paths of files.')
      if (Object.keys(value).length > 0 && !isServiceWorker)
        return refuse(file, at, `a Worker of ES modules has no such key. ${INSTEAD[key]}.`)
      for (const [name, path] of Object.entries(value))
        problems.attempt(() => bindBlob(settings, draft, { name, path, at: [...at, name], type: BLOBS[key] }))
      return undefined
    })
  }
}

function bindBlob(
  { file }: Settings,
  draft: DeclarationDraft,
  { name, path, at, type }: { name: string; path: unknown; at: KeyPath; type: 'wasm' | 'text' | 'data' },
): void {
  if (typeof path !== 'string') return refuse(file, at, 'it is the path of a file.')
  const full = resolve(file.dir, path)
  if (!existsSync(full)) refuse(file, at, `there is no file ${full}.`)
  const bytes = readFileSync(full)
  if (type === 'wasm' && !WebAssembly.validate(bytes)) refuse(file, at, `${full} is no WebAssembly.`)
  draft.bind(name, at, { type, value: type === 'text' ? bytes.toString() : bytes.toString('base64') })
}
