import { isAbsolute, relative } from 'node:path'
import type { Log } from '../../adapter.ts'

/**
 * Where a command's words go: progress to stderr, results to stdout; with `json`, one JSON line last on
 * stdout and nothing else there.
 */
export interface Reporter extends Log {
  readonly json: boolean
  /** A line of the result for people. */
  print(line: string): void
  /** The result as data. */
  result(data: unknown): void
  /** Prints what is going on, if it takes longer than half a second, and how long it took. */
  step<T>(what: string, work: () => Promise<T>): Promise<T>
}

/** A reporter of that kind. */
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

/** Bytes as people read them. */
export function formatBytes(bytes: number): string {
  return bytes < 1024
    ? `${bytes} B`
    : bytes < 1024 * 1024
      ? `${(bytes / 1024).toFixed(1)} KB`
      : `${(bytes / 1024 / 1024).toFixed(1)} MB`
}

/** A path as seen from the working directory, where it lies below that. */
export function shortPath(path: string): string {
  const short = relative(process.cwd(), path)
  return short.startsWith('..') || isAbsolute(short) ? path : short === '' ? '.' : short
}
