/**
 * Milliseconds between two steps while more is to be removed, and at least from what expires to its removal.
 */
const REST = 20
const LEAST = 1000
/** Milliseconds until a step that failed is tried again: another process may have locked the file. */
const AGAIN = 60_000
/** The longest wait: a clock may jump, and another process may have put what this one does not know of. */
const MOST = 3_600_000

/** What a {@link Sweeper} works on. Times are seconds since 1970. */
export interface Sweepable {
  /** Removes some of what has expired; returns whether there may be more. */
  sweep(): boolean
  /** When the next of the rest expires. */
  next(): number | undefined
  /** Milliseconds since 1970. */
  now(): number
}

/** Removes expired entries by itself, in small steps, with a timer only while something will expire. */
export class Sweeper {
  #work: Sweepable
  #timer: NodeJS.Timeout | undefined
  /** When the timer is due, in seconds since 1970. */
  #due = Infinity

  constructor(work: Sweepable) {
    this.#work = work
    this.#set(LEAST)
  }

  /** An entry was put that expires then. */
  note(expiration: number): void {
    if (expiration < this.#due) this.#wait(expiration)
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #wait(expiration: number | undefined): void {
    if (expiration === undefined) {
      clearTimeout(this.#timer)
      this.#due = Infinity
    } else this.#set(Math.min(Math.max(expiration * 1000 - this.#work.now(), LEAST), MOST))
  }

  #set(milliseconds: number): void {
    clearTimeout(this.#timer)
    this.#due = (this.#work.now() + milliseconds) / 1000
    this.#timer = setTimeout(() => this.#step(), milliseconds).unref()
  }

  #step(): void {
    try {
      if (this.#work.sweep()) this.#set(REST)
      else this.#wait(this.#work.next())
    } catch {
      // Cleaning up: reads leave out what has expired, and the next step does this one's work.
      this.#set(AGAIN)
    }
  }
}
