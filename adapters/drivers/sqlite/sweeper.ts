/**
 * Milliseconds between two steps of a sweep for expired entries while more is to be removed, and minimum
 * milliseconds from an expiration to its sweep.
 */
const REST = 20
const LEAST = 1000
/**
 * Milliseconds until a failed step of a sweep is tried again: another process may have locked the SQLite
 * file.
 */
const AGAIN = 60_000
/**
 * Maximum milliseconds between two steps of a sweep, because a clock may jump, and another process may have
 * put entries that this one does not know of.
 */
const MOST = 3_600_000

/** The store in SQLite whose expired entries a {@link Sweeper} removes. */
export interface Sweepable {
  /** Removes some expired entries of the store; returns true if there may be more. */
  sweep(): boolean
  /**
   * Returns the time at which the store's next entry expires, in seconds since 1970; undefined if none will.
   */
  next(): number | undefined
  /** Clock of the store: returns the current time in milliseconds since 1970. */
  now(): number
}

/**
 * Removes expired entries of a store in SQLite in small steps. It has a timer only while an entry will
 * expire.
 */
export class Sweeper {
  #work: Sweepable
  #timer: NodeJS.Timeout | undefined
  /** Time at which the sweeper's timer is due, in seconds since 1970. */
  #due = Infinity

  constructor(work: Sweepable) {
    this.#work = work
    this.#set(LEAST)
  }

  /** Records a put of an entry that expires at `expiration`, for the sweeper. */
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
      // A failed sweep of expired entries is harmless: reads leave them out, and the next step removes them.
      this.#set(AGAIN)
    }
  }
}
