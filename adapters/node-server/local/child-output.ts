import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

/** Lines kept for the error of a failed start. */
const KEPT_LINES = 100

/** Hands each line that `child` prints to `onLine` and keeps the last ones. */
export function watchOutput(child: ChildProcess, onLine: ((line: string) => void) | undefined): { tail(): string } {
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      if (lines.length > KEPT_LINES) lines.shift()
      onLine?.(line)
    })
  }
  return { tail: () => (lines.length === 0 ? ' It printed nothing.' : ` Its last output:\n${lines.join('\n')}`) }
}

/** The exit code once the process has ended and all it sent is read; null for one ended by a signal, or never started. */
export async function waitForExit(child: ChildProcess): Promise<number | null> {
  const code = await new Promise<number | null>((resolve) => {
    child.once('close', (exitCode) => resolve(exitCode))
    child.once('error', () => resolve(null))
  })
  // Its last messages may still be on their way.
  if (child.connected) await new Promise<void>((resolve) => child.once('disconnect', () => resolve()))
  return code
}
