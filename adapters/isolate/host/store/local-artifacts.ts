import { createHash } from 'node:crypto'
import { copyFile, link, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { UnmoorError } from '../../../../core/errors.ts'
import { makeFolders, syncFile, syncFolder, writeWhole } from './durable-files.ts'
import type { StoredFile } from './deploy-store.ts'
import { someAtOnce } from './some-at-once.ts'

/** Age in milliseconds below which folders and files of artifacts are never cleaned up. */
const NEW_MS = 5 * 60_000

/**
 * Artifacts of the store as folders on this machine. Each file is kept once, under its hash; the folders of
 * versions link to it. A folder that exists is whole, even after a power cut.
 */
export class LocalArtifacts {
  #dir: string
  /** Folder of the artifacts' kept files, which are named by their hashes. */
  #files: string

  constructor(dataDir: string) {
    this.#dir = join(dataDir, 'artifacts')
    this.#files = join(this.#dir, 'files')
  }

  /**
   * Returns the folder of an app's version, which is created from `content` if it does not exist. The folder
   * is never partial.
   */
  async folder(
    app: string,
    version: number,
    files: readonly StoredFile[],
    content: (hash: string) => Promise<Uint8Array<ArrayBuffer>>,
  ): Promise<string> {
    // The name of a version's folder includes a hash of all its files, since another store may use the same
    // version number.
    const digest = createHash('sha256')
      .update(files.map(({ path, hash }) => `${hash} ${path}\n`).join(''))
      .digest('hex')
    const folder = join(this.#dir, 'apps', app, `${version}-${digest.slice(0, 12)}`)
    if (await isWhole(folder, files)) {
      // Touch the version's folder so that it is not cleaned up while it is about to be used again.
      const now = new Date()
      await utimes(folder, now, now)
      return folder
    }
    const made = `${folder}.${process.pid}-${Math.random().toString(36).slice(2)}`
    try {
      await makeFolders(made)
      await makeFolders(this.#files)
      await someAtOnce(files, (file) => this.#place(file, join(made, file.path), content))
      await syncFolder(this.#files)
      for (const within of new Set(files.map(({ path }) => dirname(join(made, path)))))
        await syncFolder(within)
      // A version's folder from before 0.2 may have lost files in a power cut; it is replaced by the complete
      // one.
      if (!(await isWhole(folder, files))) await rm(folder, { recursive: true, force: true })
      await rename(made, folder)
      await syncFolder(dirname(folder))
    } catch (error) {
      await rm(made, { recursive: true, force: true })
      // Another process of this machine may have created the version's folder first.
      if (!(await isWhole(folder, files))) throw error
    }
    return folder
  }

  async #place(
    file: StoredFile,
    target: string,
    content: (hash: string) => Promise<Uint8Array<ArrayBuffer>>,
  ): Promise<void> {
    await makeFolders(dirname(target))
    const kept = join(this.#files, file.hash)
    for (let attempt = 0; ; attempt++) {
      if ((await stat(kept).catch(() => undefined))?.size !== file.size)
        await this.#fetch(file, kept, content)
      try {
        // The artifact's kept file is copied if the file system has no hard links.
        return await link(kept, target).catch(async () => {
          await copyFile(kept, target)
          await syncFile(target)
        })
      } catch (error) {
        // The artifact's kept file was cleaned up between the check and the link: try once more.
        if (attempt > 0) throw error
      }
    }
  }

  async #fetch(
    { path, hash }: StoredFile,
    kept: string,
    content: (hash: string) => Promise<Uint8Array<ArrayBuffer>>,
  ): Promise<void> {
    const bytes = await content(hash)
    if (createHash('sha256').update(bytes).digest('hex') !== hash)
      throw new UnmoorError(
        'ChecksumMismatch',
        `The store's copy of ${path} is damaged: it is not what was deployed. Deploy the app again.`,
      )
    await writeWhole(kept, bytes)
  }

  /**
   * Removes the folders of an app's versions, except `keep` and recent folders: a trial or a replaced
   * version's running requests may still use those. Returns true if no recent folder is left.
   */
  async clean(app: string, keep: string | undefined): Promise<boolean> {
    const parent = join(this.#dir, 'apps', app)
    let done = true
    for (const name of await readdir(parent).catch(() => [])) {
      const folder = join(parent, name)
      if (folder === keep) continue
      if (await isNew(folder)) done = false
      else await rm(folder, { recursive: true, force: true })
    }
    return done
  }

  /**
   * Removes kept files of artifacts to which no folder links, unless they are recent: a new folder may be
   * about to link to them.
   */
  async cleanFiles(): Promise<void> {
    for (const name of await readdir(this.#files).catch(() => [])) {
      const kept = join(this.#files, name)
      const found = await stat(kept).catch(() => undefined)
      if (found?.nlink === 1 && !(await isNew(kept))) await rm(kept, { force: true })
    }
  }
}

async function isNew(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs < NEW_MS
}

/** Returns true if an artifact's folder has all the listed files, each with its listed size. */
async function isWhole(folder: string, files: readonly StoredFile[]): Promise<boolean> {
  for (const { path, size } of files) {
    const found = await stat(join(folder, path)).catch(() => undefined)
    if (found?.size !== size) return false
  }
  return true
}
