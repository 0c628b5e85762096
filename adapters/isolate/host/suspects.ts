import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'

/** Suffix of the file that names the app entered last; it lies beside the file of long-running apps. */
const LAST = '.last'
/** Bytes of the name in the file that names the app entered last: app names are shorter. */
const LAST_BYTES = 256
/** The byte after the name: the app may still be inside, or has surely left. */
const INSIDE = '+'
const LEFT = '-'

/**
 * Keeps two files: the apps whose code has run for long, and the app entered last. The supervisor reads them
 * to find the culprit when the process dies without a message.
 */
export class Suspects {
  #file: number
  #running = new Map<string, number>()
  #last: number
  #entered = ''
  #isInside = false

  constructor(path: string) {
    this.#file = openSync(path, 'w')
    this.#last = openSync(path + LAST, 'w')
  }

  set(app: string, running: boolean): void {
    const count = (this.#running.get(app) ?? 0) + (running ? 1 : -1)
    if (count > 0) this.#running.set(app, count)
    else this.#running.delete(app)
    ftruncateSync(this.#file, 0)
    if (this.#running.size === 0) return
    writeSync(this.#file, [...this.#running.keys()].join('\n'), 0)
    // The main thread is in no isolate now. An app that it is to work for is entered after this call.
    this.#leave()
  }

  /**
   * Records that the main thread is about to work for the app. Writing the file costs 1 us if the app differs
   * from the last one.
   */
  enter(app: string): void {
    if (this.#entered === app && this.#isInside) return
    this.#entered = app
    this.#isInside = true
    writeSync(this.#last, app.padEnd(LAST_BYTES) + INSIDE, 0)
  }

  /**
   * Records that the app entered last has been left. Writes the file only while another app's code has run
   * for long: if that ends the process, nobody else is to blame.
   */
  leave(app: string): void {
    if (this.#running.size > 0 && this.#entered === app) this.#leave()
  }

  #leave(): void {
    if (!this.#isInside) return
    this.#isInside = false
    writeSync(this.#last, LEFT, LAST_BYTES)
  }

  close(): void {
    closeSync(this.#file)
    closeSync(this.#last)
  }
}

/**
 * Reads the long-running apps from a dead process's file. With `last`, the app entered last is included,
 * unless it had been left and another one was running.
 */
export function readSuspects(path: string, last = false): string[] {
  const running = read(path).split('\n').filter(Boolean)
  const entered = readLast(path)
  if (!last || entered === undefined) return running
  const hasLeft = read(path + LAST).charAt(LAST_BYTES) === LEFT
  return hasLeft && running.length > 0 ? running : [...new Set([...running, entered])]
}

/** Reads the app that a dead process's main thread entered last; undefined if there was none. */
export function readLast(path: string): string | undefined {
  return (
    read(path + LAST)
      .slice(0, LAST_BYTES)
      .trim() || undefined
  )
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
