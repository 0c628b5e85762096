import { randomUUID } from 'node:crypto'
import { type FileHandle, link, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes a folder, and those above it that are missing; they are there after a power cut too. */
export async function makeFolders(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
}

/** Puts the names in a folder on the disk. */
export async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder, and needs not.
  if (process.platform !== 'win32') await withFile(path, 'r', (folder) => folder.sync())
}

/** Puts a file's bytes on the disk. */
export function syncFile(path: string): Promise<void> {
  return withFile(path, 'r+', (file) => file.datasync())
}

/** Writes a file that after a power cut is whole, or what it was before. */
export async function writeDurably(path: string, data: string | Uint8Array, mode = 0o666): Promise<void> {
  const part = partOf(path)
  await writePart(part, data, mode, () => rename(part, path))
  await syncFolder(dirname(path))
}

/**
 * Writes a file that, where it is there after a power cut, is whole. That it is there needs a
 * {@link syncFolder} after this: one for many files.
 */
export async function writeWhole(path: string, data: Uint8Array): Promise<void> {
  const part = partOf(path)
  await writePart(part, data, 0o666, () => rename(part, path))
}

/** As {@link writeDurably}, for a file that must not exist yet. @throws `EEXIST` if it does. */
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
