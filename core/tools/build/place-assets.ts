import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { inParallel } from './in-parallel.ts'

/** Where {@link placeAssets} works; absolute paths. */
export interface AssetsPlace {
  /** The folder of the new artifact, which is moved to `outDir` when it is whole. */
  dir: string
  /** The last artifact, if there is one. */
  outDir: string
  projectDir: string
  /** Milliseconds since 1970. Default: `Date.now`. */
  now?: () => number
}

/** A source as it was when it was copied, and its copy. Times in milliseconds since 1970. */
type Copied = [ino: number, size: number, mtime: number, ctime: number, copyIno: number, copyMtime: number]

/** Copied files, by path within the artifact. */
type Copies = Record<string, Copied>

const FORMAT = 1
/**
 * Milliseconds: a source that changed so shortly before it was copied may change once more without another
 * time, as file systems count in ticks.
 */
const FRESH = 2000

/**
 * Puts files into a new artifact. What the last one has a copy of is linked, not copied, where neither the
 * source nor the copy has changed since: `.unmoor/cache` of the project has the inode numbers and times of
 * both.
 */
export async function placeAssets(
  files: readonly { source: string; file: string }[],
  { dir, outDir, projectDir, now = Date.now }: AssetsPlace,
): Promise<void> {
  await inParallel(new Set(files.map(({ file }) => dirname(file))), (made) =>
    mkdir(made, { recursive: true }),
  )
  const record = join(projectDir, '.unmoor/cache', `assets-${shortHash(outDir)}.json`)
  const earlier = await readCopies(record)
  const copies: Copies = {}
  await inParallel(files, async ({ source, file }) => {
    const name = relative(dir, file)
    const began = now()
    const { ino, size, mtimeMs, ctimeMs } = await stat(source)
    const known = earlier[name]
    const isSame = [ino, size, mtimeMs, ctimeMs].every((value, index) => value === known?.[index])
    if (known !== undefined && isSame && (await linkCopy(join(outDir, name), file, known))) {
      copies[name] = known
      return
    }
    // Where the file system can, a copy shares the bytes until one of the two is written to.
    await copyFile(source, file, constants.COPYFILE_FICLONE)
    if (ctimeMs > began - FRESH) return
    const made = await stat(file)
    copies[name] = [ino, size, mtimeMs, ctimeMs, made.ino, made.mtimeMs]
  })
  if (files.length > 0) await writeCopies(record, copies)
}

/** Links the last artifact's copy. Resolves to true if that is what was copied, and is linked now. */
async function linkCopy(from: string, file: string, known: Copied): Promise<boolean> {
  const [, size, , , copyIno, copyMtime] = known
  try {
    await link(from, file)
  } catch {
    return false
  }
  const made = await stat(file)
  if (made.ino === copyIno && made.size === size && made.mtimeMs === copyMtime) return true
  await rm(file)
  return false
}

/** None where there is no record, or one that nobody can read: all is copied then. */
async function readCopies(record: string): Promise<Copies> {
  try {
    const { format, copies } = JSON.parse(await readFile(record, 'utf8')) as {
      format: number
      copies: Copies
    }
    return format === FORMAT ? copies : {}
  } catch {
    return {}
  }
}

async function writeCopies(record: string, copies: Copies): Promise<void> {
  const part = `${record}.${process.pid}-${Math.random().toString(36).slice(2)}`
  try {
    await mkdir(dirname(record), { recursive: true })
    await writeFile(part, JSON.stringify({ format: FORMAT, copies }))
    await rename(part, record)
  } catch {
    // The next build copies all: the project's folder may be one that only reads.
    await rm(part, { force: true }).catch(() => {})
  }
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
