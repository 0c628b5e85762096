import { existsSync, rmSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { UnmoorError } from '../../errors.ts'
import { cleanAtExit } from './cleanup.ts'

/**
 * Writes an artifact by `write` in a fresh folder beside `outDir` and then moves that folder to `outDir`.
 * Readers see the old artifact or the new one, never a partial one.
 *
 * @throws `InvalidArgument` (operation `config`) if `outDir` holds files that no build made, or the project
 * itself: replacing it would lose files.
 */
export async function replaceFolder<T>(
  outDir: string,
  projectDir: string,
  write: (dir: string) => Promise<T>,
): Promise<T> {
  await checkReplaceable(outDir, projectDir)
  const parent = dirname(outDir)
  await mkdir(parent, { recursive: true })
  const fresh = await mkdtemp(join(parent, `.${basename(outDir)}-`))
  const done = cleanAtExit(() => rmSync(fresh, { recursive: true, force: true }))
  // `mkdtemp` creates an artifact's folder with mode 0700, which container images would keep although they
  // run as another user.
  await chmod(fresh, 0o755)
  try {
    const result = await write(fresh)
    await moveInPlace(fresh, outDir)
    return result
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    throw error
  } finally {
    done()
  }
}

async function moveInPlace(fresh: string, outDir: string): Promise<void> {
  const old = `${fresh}-old`
  // A rename onto a non-empty folder fails. If two builds replace an artifact at once, one rename fails and
  // is tried again.
  for (let attempt = 1; ; attempt++) {
    await rename(outDir, old).catch(ignoreMissing)
    try {
      await rename(fresh, outDir)
      break
    } catch (error) {
      const taken = ['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')
      if (!taken || attempt === 10) {
        await rename(old, outDir).catch(() => {})
        throw error
      }
      await rm(old, { recursive: true, force: true })
    }
  }
  await rm(old, { recursive: true, force: true })
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}

async function checkReplaceable(outDir: string, projectDir: string): Promise<void> {
  const refuse = (why: string): never => {
    throw new UnmoorError(
      'InvalidArgument',
      `The output folder ${outDir} ${why} Name another, such as .unmoor/node.`,
      { operation: 'config' },
    )
  }
  const inside = relative(outDir, projectDir)
  if (inside === '' || (inside !== '..' && !inside.startsWith(`..${sep}`)))
    return refuse('holds the project itself.')
  if (!existsSync(outDir)) return
  const names = await readdir(outDir).catch(() => refuse('is not a folder.'))
  if (names.length > 0 && !names.includes('unmoor.json'))
    refuse('has files that no build of unmoor made; they would be lost.')
}
