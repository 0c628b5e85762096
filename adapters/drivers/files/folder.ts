import { createHash } from '../shared/hash.ts'
import { createReadStream, type Dirent, type Stats } from 'node:fs'
import { open, readdir, realpath, stat, type FileHandle } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { UnmoorError } from '../../../core/errors.ts'
import { contentTypeOf } from './content-types.ts'

/** A static asset that the files driver serves. */
export interface AssetFile {
  /** Absolute path of the static asset's file. */
  readonly path: string
  readonly contentType: string
}

/** An open static asset with its current size and etag. */
export interface OpenAsset {
  handle: FileHandle
  size: number
  /** Quoted etag of the static asset's content. */
  etag: string
}

/**
 * Returns the static assets of a folder by decoded URL path. The folder is read once, so a request can only
 * reach files that were there at start. Symbolic links are followed within the folder only.
 */
export async function readFolder(directory: string): Promise<ReadonlyMap<string, AssetFile>> {
  const files = new Map<string, AssetFile>()
  try {
    await walk(await realpath(directory), '', files, await realpath(directory))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new UnmoorError(
        'NotFound',
        `The assets folder ${directory} does not exist. Build the app again, or set the driver's ` +
          '"directory".',
        {
          operation: 'start',
          cause: error,
        },
      )
    }
    throw error
  }
  return files
}

async function walk(folder: string, url: string, files: Map<string, AssetFile>, root: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    const kind = await kindOf(entry, path, root)
    if (kind === 'folder') await walk(path, `${url}/${entry.name}`, files, root)
    else if (kind === 'file')
      files.set(`${url}/${entry.name}`, { path, contentType: contentTypeOf(entry.name) })
  }
}

async function kindOf(entry: Dirent, path: string, root: string): Promise<'file' | 'folder' | 'other'> {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'folder'
  if (!entry.isSymbolicLink()) return 'other'
  const target = await realpath(path).catch(() => undefined)
  // Symbolic links to folders of static assets are not followed, because they could lead back up and around.
  return target !== undefined && target.startsWith(root + sep) && (await stat(target)).isFile()
    ? 'file'
    : 'other'
}

/** Opens static assets and caches their etags. An etag is computed again only when its file has changed. */
export class AssetOpener {
  #hashes = new Map<string, { version: string; etag: Promise<string> }>()

  /** Opens the file of a static asset; undefined if it has gone since the start. */
  async open(path: string): Promise<OpenAsset | undefined> {
    let handle: FileHandle
    try {
      handle = await open(path, 'r')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    try {
      const stats = await handle.stat()
      return { handle, size: stats.size, etag: await this.#etag(path, stats) }
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  #etag(path: string, stats: Stats): Promise<string> {
    const version = `${stats.ino}:${stats.size}:${stats.mtimeMs}`
    const known = this.#hashes.get(path)
    if (known?.version === version) return known.etag
    const etag = hashFile(path)
    this.#hashes.set(path, { version, etag })
    etag.catch(() => this.#hashes.delete(path))
    return etag
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  // 128 bits of the SHA-256 in an etag are plenty to tell versions of one file apart.
  return `"${hash.digest('hex').slice(0, 32)}"`
}
