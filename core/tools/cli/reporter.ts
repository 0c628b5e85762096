import { isAbsolute, relative } from 'node:path'
import type { Log } from '../../adapter.ts'

/**
 * Output of an `unmoor` command: progress goes to stderr, results to stdout. With `json`, stdout only gets
 * one line of JSON, at the end.
 */
export interface Reporter extends Log {
  readonly json: boolean
  /** Prints one line of a command's result for people. */
  print(line: string): void
  /** Prints a command's result as JSON if the reporter's kind is `json`. */
  result(data: unknown): void
  /**
   * Runs a step of a command, `work`. Prints `what` if it takes longer than half a second, and the duration
   * if longer than 5 seconds.
   */
  step<T>(what: string, work: () => Promise<T>): Promise<T>
}

/** Creates a command's reporter for `--reporter text` or `--reporter json`. */
export function createReporter(kind: 'text' | 'json'): Reporter {
  const json = kind === 'json'
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  return {
    json,
    info: (message) => {
      if (!json) say(message)
    },
    warn: (message) => say(`warning: ${message}`),
    print: (line) => void (json ? process.stderr : process.stdout).write(`${line}\n`),
    result: (data) => {
      if (json) process.stdout.write(`${JSON.stringify(data)}\n`)
    },
    async step(what, work) {
      const started = performance.now()
      const timer = setTimeout(() => say(`${what} ...`), 500)
      try {
        return await work()
      } finally {
        clearTimeout(timer)
        const ms = performance.now() - started
        if (ms > 5000) say(`${what}: ${(ms / 1000).toFixed(1)} s`)
      }
    },
  }
}

/** Formats a number of bytes for people. */
export function formatBytes(bytes: number): string {
  return bytes < 1024
    ? `${bytes} B`
    : bytes < 1024 * 1024
      ? `${(bytes / 1024).toFixed(1)} KB`
      : `${(bytes / 1024 / 1024).toFixed(1)} MB`
}

/** Shortens a path below the working directory to a relative one. */
export function shortPath(path: string): string {
  const short = relative(process.cwd(), path)
  return short.startsWith('..') || isAbsolute(short) ? path : short === '' ? '.' : short
}
