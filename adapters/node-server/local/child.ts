import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

/** Lines of a child process's output that are kept for the error message of a failed start. */
const KEPT_LINES = 100

/** Output that a child process has printed. */
export interface ChildOutput {
  /** The last 100 lines of the child process's stdout and stderr. */
  readonly lines: readonly string[]
  /** Returns the last lines of a child process's output as one text, to end an error message with. */
  tail(): string
}

/** Calls `onLine` with each line that `child` prints, and keeps the last 100 lines. */
export function watchOutput(child: ChildProcess, onLine: ((line: string) => void) | undefined): ChildOutput {
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      if (lines.length > KEPT_LINES) lines.shift()
      onLine?.(line)
    })
  }
  return {
    lines,
    tail: () => (lines.length === 0 ? ' It printed nothing.' : ` Its last output:\n${lines.join('\n')}`),
  }
}

/**
 * Resolves to the exit code once the child process has ended and all its output and messages are read; null
 * for a process that a signal ended or that never started.
 */
export async function waitForExit(child: ChildProcess): Promise<number | null> {
  const code = await new Promise<number | null>((resolve) => {
    child.once('close', (exitCode) => resolve(exitCode))
    child.once('error', () => resolve(null))
  })
  // When a child process exits, its last IPC messages may still be unread.
  if (child.connected) await new Promise<void>((resolve) => child.once('disconnect', () => resolve()))
  return code
}

/** Options of {@link stopChild}: how it ends a child process. */
export interface ChildStop {
  /** Resolves when the child process has ended. */
  exited: Promise<unknown>
  /** Asks the child process to end. */
  ask(): void
  /** Ends the child process at once. */
  kill(): void
  /** Milliseconds that the child process has to end after `ask`, before it is killed. */
  graceMs: number
}

/** Asks a process to end and kills it after the grace period. Resolves when it has ended. */
export async function stopChild(stop: ChildStop): Promise<void> {
  stop.ask()
  const timer = setTimeout(() => stop.kill(), stop.graceMs)
  await stop.exited
  clearTimeout(timer)
}

/**
 * Returns the environment variables of this process that a child process inherits: those that Node itself
 * needs, and those named in `more`. A child inherits no others, so that an app sees only what its config and
 * `.env` name.
 */
export function inheritedVariables(more: readonly string[] = []): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', ...more]
  const inherited: Record<string, string> = {}
  for (const [name, value] of Object.entries(process.env)) {
    const isWanted = names.includes(name) || (name.startsWith('NODE_') && !name.startsWith('NODE_CHANNEL_'))
    if (isWanted && value !== undefined) inherited[name] = value
  }
  return inherited
}
