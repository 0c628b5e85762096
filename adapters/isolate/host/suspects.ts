import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'

/** Where the app that was entered last stands, beside the file of those that run for long. */
const LAST = '.last'
/** Bytes of that: names are shorter. */
const LAST_BYTES = 256

/**
 * The apps whose code has been running for long, and the one that was entered last, kept in files, so that
 * the supervisor knows whom to blame when the process dies without a word.
 */
export class Suspects {
  #file: number
  #running = new Map<string, number>()
  #last: number
  #entered = ''

  constructor(path: string) {
    this.#file = openSync(path, 'w')
    this.#last = openSync(path + LAST, 'w')
  }

  set(app: string, running: boolean): void {
    const count = (this.#running.get(app) ?? 0) + (running ? 1 : -1)
    if (count > 0) this.#running.set(app, count)
    else this.#running.delete(app)
    ftruncateSync(this.#file, 0)
    if (this.#running.size > 0) writeSync(this.#file, [...this.#running.keys()].join('\n'), 0)
  }

  /** The first thread is about to work for the app: for 1 us, where it was another's before. */
  enter(app: string): void {
    if (this.#entered === app) return
    this.#entered = app
    writeSync(this.#last, app.padEnd(LAST_BYTES), 0)
  }

  close(): void {
    closeSync(this.#file)
    closeSync(this.#last)
  }
}

/** The apps that a dead process's file names. With `last` the one that was entered last is among them. */
export function readSuspects(path: string, last = false): string[] {
  const running = read(path).split('\n')
  return [...new Set(last ? [...running, readLast(path) ?? ''] : running)].filter(Boolean)
}

/** The app that a dead process's first thread worked for last; undefined where it has for none. */
export function readLast(path: string): string | undefined {
  return read(path + LAST).trim() || undefined
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
