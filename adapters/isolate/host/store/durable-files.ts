import { randomUUID } from 'node:crypto'
import { type FileHandle, link, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Creates a folder and its missing parents, and syncs them so that they survive a power cut. */
export async function makeFolders(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
}

/** Syncs a folder's entries to disk. */
export async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder to sync it, and does not need that sync.
  if (process.platform !== 'win32') await withFile(path, 'r', (folder) => folder.sync())
}

/** Syncs a file's bytes to disk. */
export function syncFile(path: string): Promise<void> {
  return withFile(path, 'r+', (file) => file.datasync())
}

/** Writes a file so that after a power cut it has either its whole new content or its old one. */
export async function writeDurably(path: string, data: string | Uint8Array, mode = 0o666): Promise<void> {
  const part = partOf(path)
  await writePart(part, data, mode, () => rename(part, path))
  await syncFolder(dirname(path))
}

/**
 * Writes a file that is never partial, even after a power cut. The file may be missing then, unless {@link
 * syncFolder} is called afterwards: once for many files.
 */
export async function writeWhole(path: string, data: Uint8Array): Promise<void> {
  const part = partOf(path)
  await writePart(part, data, 0o666, () => rename(part, path))
}

/**
 * Creates a file as {@link writeDurably} does, only if it does not exist.
 *
 * @throws `EEXIST` if it does.
 */
export async function createDurably(path: string, data: string, mode: number): Promise<void> {
  const part = partOf(path)
  await writePart(part, data, mode, async () => {
    await link(part, path)
    await rm(part)
  })
  await syncFolder(dirname(path))
}

function partOf(path: string): string {
  return `${path}.${randomUUID()}.part`
}

async function writePart(
  part: string,
  data: string | Uint8Array,
  mode: number,
  place: () => Promise<void>,
): Promise<void> {
  try {
    await withFile(
      part,
      'wx',
      async (file) => {
        await file.writeFile(data)
        await file.datasync()
      },
      mode,
    )
    await place()
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

async function withFile(
  path: string,
  flags: string,
  work: (file: FileHandle) => Promise<void>,
  mode?: number,
): Promise<void> {
  const file = await open(path, flags, mode)
  try {
    await work(file)
  } finally {
    await file.close()
  }
}
