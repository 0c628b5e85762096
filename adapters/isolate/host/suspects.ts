import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'

/** Suffix of the file that names the app entered last; it lies beside the file of long-running apps. */
const LAST = '.last'
/** Size in bytes of the file that names the app entered last: app names are shorter. */
const LAST_BYTES = 256

/**
 * Keeps two files: the apps whose code has run for long, and the app entered last. The supervisor reads them
 * to find the culprit when the process dies without a message.
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

  /**
   * Records that the main thread is about to work for the app. Writing the file costs 1 us if the app differs
   * from the last one.
   */
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

/** Reads the long-running apps from a dead process's file. With `last`, the app entered last is included. */
export function readSuspects(path: string, last = false): string[] {
  const running = read(path).split('\n')
  return [...new Set(last ? [...running, readLast(path) ?? ''] : running)].filter(Boolean)
}

/** Reads the app that a dead process's main thread entered last; undefined if there was none. */
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
