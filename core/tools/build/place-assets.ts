import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { inParallel } from './in-parallel.ts'

/** The folders between which {@link placeAssets} copies assets, as absolute paths. */
export interface AssetsPlace {
  /** Folder of the new artifact, which a build moves to `outDir` when complete. */
  dir: string
  /** Folder of the previous artifact, whose assets are reused; it may be missing. */
  outDir: string
  projectDir: string
  /** Clock for tests: returns milliseconds since 1970. Default: `Date.now`. */
  now?: () => number
}

/**
 * Record of an asset file that a build copied: state of the source at that time, then of the copy. Times in
 * milliseconds since 1970.
 */
type Copied = [ino: number, size: number, mtime: number, ctime: number, copyIno: number, copyMtime: number]

/** Records of copied asset files, by path within the artifact. */
type Copies = Record<string, Copied>

const FORMAT = 1
/**
 * Milliseconds before copying within which a changed asset is not recorded: file systems have coarse
 * timestamps, so another change might leave the time as it is.
 */
const FRESH = 2000

/**
 * Puts asset files into a new artifact. A file is hard-linked from the previous artifact, not copied, if
 * neither source nor copy has changed since. `.unmoor/cache` of the project records inode numbers and times
 * of both.
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
    // On file systems with copy-on-write, the copy of an asset shares its bytes with the source until either
    // is written to.
    await copyFile(source, file, constants.COPYFILE_FICLONE)
    if (ctimeMs > began - FRESH) return
    const made = await stat(file)
    copies[name] = [ino, size, mtimeMs, ctimeMs, made.ino, made.mtimeMs]
  })
  if (files.length > 0) await writeCopies(record, copies)
}

/**
 * Hard-links an asset file of the previous artifact into the new one. Resolves to false, with nothing linked,
 * if that file is not the recorded copy.
 */
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

/**
 * Reads the record of the asset files that a build copied. A missing or unreadable record counts as empty, so
 * that all files are copied.
 */
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
    // A record of copied assets that cannot be written (the project may be read-only) only makes the next
    // build copy all files.
    await rm(part, { force: true }).catch(() => {})
  }
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
