/** How often a running isolate's CPU time is looked at, in milliseconds. */
const TICK = 10

/** What an {@link EntryWatch} asks and tells. */
export interface Watched {
  /** The entry under way; undefined where none is. */
  entry(): number | undefined
  /** An entry is seen for the first time. */
  first(): void
  /** The entry is still under way a tick later; called at each tick from then on. */
  again(): void
  /** What runs has been under way for more than a tick, or is over after that. */
  long(running: boolean): void
}

/**
 * Looks at an isolate's entries from outside, so that waiting costs a tenant nothing and a loop cannot hide.
 * One timer for all entries: most are over before it fires.
 */
export class EntryWatch {
  #watched: Watched
  #timer: NodeJS.Timeout | undefined
  #seen = -1
  #isLong = false

  constructor(watched: Watched) {
    this.#watched = watched
  }

  /** An entry on another thread begins. */
  begin(): void {
    this.#timer ??= setInterval(() => this.#check(), TICK)
  }

  /** The app is being loaded, which is looked at tick by tick; returns what ends that. */
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

  /** True if that entry has been looked at. */
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
