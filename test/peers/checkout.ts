/** Takes files of a peer out of its checkout, as its commit has them. */
import { spawnSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'

/** A checkout at hand: a work tree or a bare repository. */
export interface Checkout {
  dir: string
  /** 40 hexadecimal digits. */
  commit: string
}

/** A mistake in what the command was given; its text says what to do. */
export class UsageError extends Error {}

/** The checkout in `dir`. @throws {UsageError} where it is none, or lacks the folder `path`. */
export function openCheckout(option: string, dir: string, path: string): Checkout {
  const head = git(dir, ['rev-parse', 'HEAD'])
  if (head === undefined)
    throw new UsageError(
      `${option} ${dir} is no git checkout. README.md beside this program says how to get one.`,
    )
  if (git(dir, ['cat-file', '-e', `HEAD:${path}`]) === undefined)
    throw new UsageError(`${option} ${dir} has no ${path} at its commit ${head}. Give the repository's root.`)
  return { dir, commit: head }
}

/** Writes the checkout's folder `path` below `to`, without what is not committed. */
export async function extract(checkout: Checkout, path: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  const archive = spawnSync('git', ['-C', checkout.dir, 'archive', 'HEAD', path], { maxBuffer: 2 ** 30 })
  if (archive.status !== 0) throw new Error(`git archive of ${path}: ${archive.stderr.toString()}`)
  const tar = spawnSync('tar', ['-x', '-C', to], { input: archive.stdout })
  if (tar.status !== 0) throw new Error(`tar of ${path}: ${tar.stderr.toString()}`)
}

function git(dir: string, args: string[]): string | undefined {
  const { status, stdout } = spawnSync('git', ['-C', dir, ...args], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}
