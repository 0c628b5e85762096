import { createHash } from 'node:crypto'
import { copyFile, link, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { UnmoorError } from '../../../../core/errors.ts'
import { makeFolders, syncFile, syncFolder, writeWhole } from './durable-files.ts'
import type { StoredFile } from './deploy-store.ts'
import { someAtOnce } from './some-at-once.ts'

/** Milliseconds. */
const NEW_MS = 5 * 60_000

/**
 * Artifacts of a store as folders of this machine. A file is kept once, under its hash; the folders of
 * versions have links to it. A folder that is there is whole, after a power cut too.
 */
export class LocalArtifacts {
  #dir: string
  /** The kept files, by their hashes. */
  #files: string

  constructor(dataDir: string) {
    this.#dir = join(dataDir, 'artifacts')
    this.#files = join(this.#dir, 'files')
  }

  /** The folder of a version; made from what `content` gives where it is not there. Whole, or not at all. */
  async folder(
    app: string,
    version: number,
    files: readonly StoredFile[],
    content: (hash: string) => Promise<Uint8Array<ArrayBuffer>>,
  ): Promise<string> {
    // With a hash of all: another store may have other versions of the same number.
    const digest = createHash('sha256')
      .update(files.map(({ path, hash }) => `${hash} ${path}\n`).join(''))
      .digest('hex')
    const folder = join(this.#dir, 'apps', app, `${version}-${digest.slice(0, 12)}`)
    if (await isWhole(folder, files)) {
      // The folder must not be cleaned away now: it is about to be used again.
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
      // What a power cut has left of it, with a version before 0.2.
      if (!(await isWhole(folder, files))) await rm(folder, { recursive: true, force: true })
      await rename(made, folder)
      await syncFolder(dirname(folder))
    } catch (error) {
      await rm(made, { recursive: true, force: true })
      // Another process of this machine was faster.
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
        // Where the file system has no links, a copy.
        return await link(kept, target).catch(async () => {
          await copyFile(kept, target)
          await syncFile(target)
        })
      } catch (error) {
        // The folder was cleaned away in between.
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
   * Removes the folders of an app's versions but `keep` and those that are new: one may be tried out, or what
   * is under way in a version that was replaced may read its assets. True if none of those is left.
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

  /** Removes kept files that no folder is linked to, unless they are new: they may be about to be. */
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

/** True if a folder has these files, in their sizes. */
async function isWhole(folder: string, files: readonly StoredFile[]): Promise<boolean> {
  for (const { path, size } of files) {
    const found = await stat(join(folder, path)).catch(() => undefined)
    if (found?.size !== size) return false
  }
  return true
}
