import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'

/**
 * The apps whose code has been running for long, kept in a file, so that the supervisor knows whom to blame
 * when the process dies without a word. Only entries of more than a tick get here: the usual request costs
 * nothing.
 */
export class Suspects {
  #file: number
  #running = new Map<string, number>()

  constructor(path: string) {
    this.#file = openSync(path, 'w')
  }

  set(app: string, running: boolean): void {
    const count = (this.#running.get(app) ?? 0) + (running ? 1 : -1)
    if (count > 0) this.#running.set(app, count)
    else this.#running.delete(app)
    ftruncateSync(this.#file, 0)
    if (this.#running.size > 0) writeSync(this.#file, [...this.#running.keys()].join('\n'), 0)
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** The apps that a dead process's file names. */
export function readSuspects(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean)
  } catch {
    return []
  }
}
