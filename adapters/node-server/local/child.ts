import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

/** Lines kept for the error of a failed start. */
const KEPT_LINES = 100

/** What a child has printed. */
export interface ChildOutput {
  /** The last 100 lines of both streams. */
  readonly lines: readonly string[]
  /** The last lines as text, to end an error message with. */
  tail(): string
}

/** Hands each line that `child` prints to `onLine` and keeps the last ones. */
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
 * The exit code, once the process has ended and everything that it sent is read. Null for a process that a
 * signal ended or that never started.
 */
export async function waitForExit(child: ChildProcess): Promise<number | null> {
  const code = await new Promise<number | null>((resolve) => {
    child.once('close', (exitCode) => resolve(exitCode))
    child.once('error', () => resolve(null))
  })
  // The child's last messages may still be on their way.
  if (child.connected) await new Promise<void>((resolve) => child.once('disconnect', () => resolve()))
  return code
}

/** How {@link stopChild} ends a process. */
export interface ChildStop {
  /** Resolves when the process has ended. */
  exited: Promise<unknown>
  /** Asks it to end. */
  ask(): void
  /** Ends it at once. */
  kill(): void
  /** Milliseconds from asking to killing. */
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
 * The variables of this process that a child inherits: those that Node itself needs, and those named in
 * `more`. A child gets no others, so that an app runs with what its config and `.env` name and with nothing
 * else.
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
