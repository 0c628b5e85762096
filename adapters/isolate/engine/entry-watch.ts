/** Milliseconds between two readings of a running isolate's CPU time. */
const TICK = 10

/** Callbacks of an {@link EntryWatch}, which watches an isolate's CPU time. */
export interface Watched {
  /** Returns the number of the isolate's entry under way; undefined if there is none. */
  entry(): number | undefined
  /** Called when the watch sees an entry into the isolate for the first time. */
  first(): void
  /** Called each further time that the watch sees the same entry into the isolate under way. */
  again(): void
  /**
   * Called with true when an entry into the isolate or the app's loading has run for longer than the watch's
   * interval, and with false when it is over.
   */
  long(running: boolean): void
}

/**
 * Watches an isolate's entries from outside, so that waiting costs a tenant nothing and a loop cannot hide.
 * One timer serves all entries: most are over before it fires.
 */
export class EntryWatch {
  #watched: Watched
  #timer: NodeJS.Timeout | undefined
  #seen = -1
  #isLong = false

  constructor(watched: Watched) {
    this.#watched = watched
  }

  /** Starts the watch's timer, because an entry into the isolate begins on another thread. */
  begin(): void {
    this.#timer ??= setInterval(() => this.#check(), TICK)
  }

  /**
   * Watches the loading of the app into its isolate: calls `look` once per interval of the watch. Returns a
   * function that ends the watch.
   */
  load(look: () => void): () => void {
    const timer = setInterval(() => {
      this.#setLong(true)
      look()
    }, TICK)
    return () => {
      clearInterval(timer)
      this.#setLong(false)
    }
  }

  /** True if the watch's timer has fired during the isolate's entry of that number. */
  hasSeen(entry: number): boolean {
    return this.#seen === entry
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#setLong(false)
  }

  #setLong(running: boolean): void {
    if (this.#isLong === running) return
    this.#isLong = running
    this.#watched.long(running)
  }

  #check(): void {
    const entry = this.#watched.entry()
    if (entry === undefined) this.stop()
    else if (this.#seen === entry) {
      this.#setLong(true)
      this.#watched.again()
    } else {
      this.#seen = entry
      this.#watched.first()
      this.#setLong(false)
    }
  }
}
