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
 * Returns true if the file or folder at `path` (relative to the assets folder) is not an asset. Used by Pages
 * and Workers Sites, which look files up by exact name (`exact-path.ts`) and ignore `.assetsignore`.
 */
export type HiddenAssets = (path: string) => boolean

/**
 * The files of the app's assets binding; undefined if the app declares no such binding. @throws
 * `InvalidArgument` for a second assets binding.
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
    // Serving the project's own folder would publish the project's source code.
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
 * The asset files below `folder`, sorted by URL path. Dot files and dot folders other than `.well-known` are
 * left out, and so are files that the folder's `.assetsignore` names.
 *
 * @throws `NotFound` if the folder is missing; `InvalidArgument` for a symbolic link that leads out of the
 * folder or in a circle.
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

/** File or folder of server code that frameworks for Pages write beside the assets. */
const SERVER_CODE = '_worker.js'

/**
 * Resolves to a test of a path in the assets folder: true if the file is not an asset. In a folder without
 * `.assetsignore`, server code is refused rather than served to everybody.
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
      // Like wrangler, a build refuses any file or folder at the root of the assets whose path begins with
      // `_worker.js`.
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

/**
 * Tells what an entry of the assets folder is. Resolves to `folder` for a folder, to the size in bytes for a
 * file, and to undefined for anything else, such as a socket.
 */
async function kindOf(entry: Dirent, source: string): Promise<'folder' | number | undefined> {
  if (entry.isDirectory()) return 'folder'
  const { size, isFile, isDirectory } = await stat(source).then((stats) => ({
    size: stats.size,
    isFile: stats.isFile(),
    isDirectory: stats.isDirectory(),
  }))
  return isDirectory ? 'folder' : isFile ? size : undefined
}

/**
 * Encodes an asset's file name for a URL path: `%` and the characters of the WHATWG path percent-encode set
 * are encoded.
 */
function encodeSegment(name: string): string {
  return encodeURI(name)
    .replace(/[?#]/g, encodeURIComponent)
    .replaceAll('%5B', '[')
    .replaceAll('%5D', ']')
    .replaceAll('%7C', '|')
}
