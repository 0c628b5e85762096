import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FromChild, ToChild } from './app-child.ts'
import { type AppResult, failure, type ReportedApp, type Result } from './results.ts'
import type { SuiteName } from './suites.ts'

const LAST_CHARACTERS = 4000

/** Process groups that are still there. */
const groups = new Set<ChildProcess>()

/**
 * Runs an app in a process group of its own: what ends or hangs there fails this app alone, and nothing
 * that it started is left. Targets that have not answered within `timeout` seconds count as failed.
 */
export async function runApart(
  suite: SuiteName,
  app: ReportedApp,
  targets: readonly string[],
  timeout: number,
): Promise<AppResult> {
  const temporary = await mkdtemp(join(tmpdir(), `unmoor-corpus-${app.name}-`))
  const child = fork(join(import.meta.dirname, 'app-child.ts'), [], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, TMPDIR: temporary },
  })
  groups.add(child)
  const results = new Map<string, Result>()
  let skipped: string | undefined
  let why = ''
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-LAST_CHARACTERS)
    })
  child.stderr?.on('data', (text: string) => void process.stderr.write(text))
  child.on('message', (message: FromChild) => {
    if ('result' in message) results.set(message.result.target, message.result)
    else if ('skipped' in message) skipped = message.skipped
    else why = message.error
  })
  child.on('error', (error) => (why = String(error)))
  const timer = setTimeout(() => {
    why = `it had not ended after ${timeout} s`
    endGroup(child)
  }, timeout * 1000)
  try {
    const ended = once(child, 'close') as Promise<[code: number | null, signal: string | null]>
    child.send({ suite, name: app.name, targets } satisfies ToChild)
    const [code, signal] = await ended
    why ||= `its process ended with ${String(signal ?? code)}`
  } catch (error) {
    why ||= String(error)
  } finally {
    clearTimeout(timer)
    endGroup(child)
    await rm(temporary, { recursive: true, force: true, maxRetries: 3 })
  }
  if (skipped !== undefined) return { app, results: [], skipped }
  const lines = [why, ...output.trim().split('\n')]
  return {
    app,
    results: targets.map((target) => results.get(target) ?? failure(app, target, 'run', lines)),
  }
}

/** Ends what all apps have running, for a run that is stopped. */
export function endAll(): void {
  for (const child of groups) endGroup(child)
}

/** Ends a child and all that it started; also what it left behind when it ended by itself. */
function endGroup(child: ChildProcess): void {
  groups.delete(child)
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    if ((error as { code?: string }).code !== 'ESRCH') throw error
  }
}
