import type { Dirent } from 'node:fs'
import { isUtf8 } from 'node:buffer'
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import type { AssetFile, BuildContext } from '../../adapter.ts'
import { UnmoorError } from '../../errors.ts'
import type { Manifest } from '../../manifest.ts'
import { exactPath } from '../../compat/workers/exact-path.ts'
import { inParallel } from './in-parallel.ts'
import { createAssetsIgnore, IGNORE_FILE } from './assets-ignore.ts'

/**
 * Returns true if a file or folder is none of the assets, by its path below their folder. Used by Pages and
 * Workers Sites, whose files are found by their own names (`exact-path.ts`), whatever an `.assetsignore`
 * says.
 */
export type HiddenAssets = (path: string) => boolean

/**
 * The files of the app's assets binding; undefined where it declares none. @throws `InvalidArgument` for a
 * second one.
 */
export async function readAssets(
  projectDir: string,
  manifest: Manifest,
  isHidden?: HiddenAssets,
): Promise<BuildContext['assets']> {
  let found: BuildContext['assets']
  for (const [binding, declaration] of Object.entries(manifest.bindings)) {
    if (declaration.kind !== 'assets') continue
    if (found !== undefined) {
      throw new UnmoorError(
        'InvalidArgument',
        `"${found.binding}" and "${binding}" are both assets; an app has one folder of them. Put the ` +
          'files together.',
        {
          binding,
          operation: 'build',
        },
      )
    }
    const folder = resolve(projectDir, declaration.directory)
    // Whoever names the project's own folder would publish its sources.
    const isProject =
      !relative(folder, projectDir).startsWith('..') && !isAbsolute(relative(folder, projectDir))
    if (isProject && isHidden === undefined) {
      throw new UnmoorError(
        'InvalidArgument',
        `Assets "${binding}": the folder "${declaration.directory}" holds the whole project. Name a ` +
          'folder of its own, such as "./public".',
        { binding, operation: 'build' },
      )
    }
    found = { binding, notFound: declaration.notFound, files: await listAssets(folder, binding, isHidden) }
  }
  return found
}

/**
 * The files below `folder` by their URL paths, sorted. Files and folders that begin with a dot are left out,
 * `.well-known` excepted, and so is what a file `.assetsignore` in it names.
 *
 * @throws `NotFound` without the folder; `InvalidArgument` for a symbolic link that leads out of it, or in a
 * circle.
 */
export async function listAssets(
  folder: string,
  binding: string,
  isHidden?: HiddenAssets,
): Promise<AssetFile[]> {
  const refuse = (message: string): UnmoorError =>
    new UnmoorError('InvalidArgument', `Assets "${binding}": ${message}`, { binding, operation: 'build' })
  const root = await realpath(folder).catch((cause: unknown) => {
    throw new UnmoorError(
      'NotFound',
      `Assets "${binding}": there is no folder ${folder}. Make it, or correct assets({ directory }).`,
      {
        binding,
        operation: 'build',
        cause,
      },
    )
  })
  const isLeftOut = isHidden ?? (await readIgnore(root, refuse))
  const files: AssetFile[] = []
  const walk = async (dir: string, url: string, above: readonly string[]): Promise<void> => {
    const real = await realpath(dir)
    if (above.includes(real)) throw refuse(`the link ${dir} leads in a circle. Remove it.`)
    const folders: [source: string, path: string][] = []
    await inParallel(await readdir(dir, { withFileTypes: true }), async (entry) => {
      if (entry.name.startsWith('.') && entry.name !== '.well-known') return
      const source = join(dir, entry.name)
      const name = relative(root, source).split(sep).join('/')
      if (isHidden?.(name) === true) return
      const path = `${url}/${encodeSegment(entry.name)}`
      if (entry.isSymbolicLink()) await checkLink(source, root, refuse)
      const kind = await kindOf(entry, source)
      if (kind === 'folder') folders.push([source, path])
      else if (kind !== undefined && !isLeftOut(name))
        files.push({ path: isHidden === undefined ? path : exactPath(path), source, size: kind })
    })
    for (const [source, path] of folders) await walk(source, path, [...above, real])
  }
  await walk(root, '', [])
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function checkLink(
  source: string,
  root: string,
  refuse: (message: string) => UnmoorError,
): Promise<void> {
  const target = await realpath(source).catch(() => undefined)
  if (target === undefined) throw refuse(`the link ${source} leads nowhere. Remove it.`)
  if (target !== root && !target.startsWith(root + sep))
    throw refuse(`the link ${source} leads out of the folder, to ${target}. Copy the file instead.`)
}

/** What a framework for Pages puts beside the assets: the code of the server. */
const SERVER_CODE = '_worker.js'

/**
 * Resolves to a test of whether a file is no asset, by its path. Without the file that says so, server code
 * is refused rather than served to everybody.
 */
async function readIgnore(
  root: string,
  refuse: (message: string) => UnmoorError,
): Promise<(path: string) => boolean> {
  const file = join(root, IGNORE_FILE)
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  if (bytes === undefined)
    return (path) => {
      // As wrangler has it: at the root, as a file or a folder, and whatever else begins so.
      if (!path.startsWith(SERVER_CODE)) return false
      throw refuse(
        `the folder has ${path}, which is the code of a server, and would be served to everybody. Write a ` +
          `file ${file} with the line "${SERVER_CODE}", and that is left out; an empty one says that it is ` +
          'an asset.',
      )
    }
  const text = isUtf8(bytes) ? bytes.toString() : '\0'
  if (text.includes('\0')) throw refuse(`${file} is not text in UTF-8. Save it as such.`)
  return createAssetsIgnore(text)
}

/** `folder`, or a file's size in bytes; undefined for sockets and the like. */
async function kindOf(entry: Dirent, source: string): Promise<'folder' | number | undefined> {
  if (entry.isDirectory()) return 'folder'
  const { size, isFile, isDirectory } = await stat(source).then((stats) => ({
    size: stats.size,
    isFile: stats.isFile(),
    isDirectory: stats.isDirectory(),
  }))
  return isDirectory ? 'folder' : isFile ? size : undefined
}

/** As a URL's path has it: what the WHATWG path percent-encode set leaves alone stays, % is encoded. */
function encodeSegment(name: string): string {
  return encodeURI(name)
    .replace(/[?#]/g, encodeURIComponent)
    .replaceAll('%5B', '[')
    .replaceAll('%5D', ']')
    .replaceAll('%7C', '|')
}
