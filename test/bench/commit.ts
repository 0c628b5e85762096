/** Another commit of this repository, checked out and built in a temporary folder. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { createSubject, ours, type Subject } from './subject.ts'

const run = promisify(execFile)

/** A commit that cannot be compared, with the reason: for the user, without a stack. */
export class CommitError extends Error {}

export interface CheckedOut {
  subject: Subject
  remove(): void
}

/** Exit codes of a process that a signal ended. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * Checks `name` out, installs its packages (those of this checkout where the lock files are the same) and
 * builds it. The folder goes with {@link CheckedOut.remove}, and on Ctrl-C.
 *
 * @throws CommitError where there is no such commit, or where this checkout has changes that no commit holds.
 */
export async function checkOut(name: string, log: (line: string) => void): Promise<CheckedOut> {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: ours.root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
  const sha = resolveCommit(name, git)
  const dirty = git('status', '--porcelain', '--untracked-files=no')
  if (dirty !== '')
    throw new CommitError(
      `This checkout has changes that are not committed, so nobody could tell what was measured. Commit or stash them:\n${dirty}`,
    )
  const folder = mkdtempSync(join(tmpdir(), 'unmoor-bench-commit-'))
  const root = join(folder, 'unmoor')
  const work = new AbortController()
  const remove = (): void => {
    work.abort()
    rmSync(folder, { recursive: true, force: true, maxRetries: 20 })
    git('worktree', 'prune')
    // Not before: npm passes Ctrl-C on, so a second signal comes while this works.
    for (const signal of Object.keys(SIGNALS)) process.off(signal, onSignal)
  }
  const onSignal = (signal: keyof typeof SIGNALS): void => {
    remove()
    // A build that was under way may have written once more.
    process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }))
    process.exit(SIGNALS[signal])
  }
  for (const signal of Object.keys(SIGNALS)) process.on(signal, onSignal)
  try {
    git('worktree', 'add', '--detach', root, sha)
    await install(root, work.signal, log)
    return { subject: createSubject(`commit ${sha.slice(0, 7)}`, root), remove }
  } catch (error) {
    remove()
    throw error
  }
}

function resolveCommit(name: string, git: (...args: string[]) => string): string {
  try {
    return git('rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`)
  } catch {
    throw new CommitError(
      `There is no commit "${name}" in this repository. git log --oneline lists what there is; a shallow clone has to fetch it first.`,
    )
  }
}

async function install(root: string, signal: AbortSignal, log: (line: string) => void): Promise<void> {
  const lock = (folder: string): string => readFileSync(join(folder, 'package-lock.json'), 'utf8')
  const options = {
    cwd: root,
    signal,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` },
  }
  if (lock(root) === lock(ours.root)) symlinkSync(join(ours.root, 'node_modules'), join(root, 'node_modules'))
  else {
    log(`installing the packages of that commit in ${root}`)
    await run('npm', ['ci', '--no-audit', '--no-fund'], options)
  }
  log(`building that commit`)
  await run('npm', ['run', '--silent', 'build'], options)
}
