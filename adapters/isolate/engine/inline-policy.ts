/** Microseconds of CPU time up to which an entry into an isolate is short enough for the main thread. */
export const SHORT_US = 2000
/**
 * Microseconds above which an isolate's entry on the main thread has blocked other tenants for too long: its
 * app's entries then stay on pool threads for `MOST` short entries.
 */
const LONG_US = 50_000
/**
 * Wall-clock microseconds above which an entry into an isolate was long, however long its thread waited for a
 * core.
 */
const SURELY_LONG_US = 400_000
/**
 * Number of short entries after which an app's isolate is entered on the main thread: at first (`FIRST`), and
 * at most (`MOST`).
 */
const FIRST = 20
const MOST = 1_000_000
/** Number of an app's short inline entries after which an earlier long entry is forgotten. */
const FORGET = 10_000
/** Number of an app's inline entries whose CPU time is measured exactly after one that looked too long. */
const EXACT = 100

/**
 * Decides if an app's entries are short enough to be inline, on the main thread. An inline entry needs no
 * thread switch (2 us of CPU time instead of about 30), but other tenants wait for it. An app is pooled at
 * first, becomes inline after a row of short entries, and is pooled again after a long one, for longer each
 * time.
 */
export class InlinePolicy {
  /** True if the app's next entry may be inline, on the main thread. */
  inline = false
  /** True if the CPU time of the app's next inline entry is to be measured exactly, which costs 2 us. */
  exact = false
  #short = 0
  #wanted = FIRST
  #exactLeft = 0
  #isNew = true

  /**
   * Makes the app's next entry inline, because other isolates with the same code have short entries. An app
   * that has had entries of its own is judged by those instead.
   */
  trust(): void {
    if (this.#isNew) this.#come()
  }

  /**
   * Records the wall-clock microseconds of the app's entry on a pool thread. A long entry takes five off the
   * row of short ones, because it may only have waited for a core; a very long one ends the row.
   */
  notePooled(us: number): void {
    this.#isNew = false
    if (us > SHORT_US) this.#short = us > LONG_US ? 0 : Math.max(0, this.#short - 5)
    else if (++this.#short >= this.#wanted) this.#come()
  }

  /** Records the microseconds of the app's inline entry: wall-clock time, or CPU time if {@link exact}. */
  noteInline(us: number): void {
    if (us <= SHORT_US) {
      if (++this.#short >= FORGET) this.#wanted = Math.min(this.#wanted, FIRST)
      if (this.exact && --this.#exactLeft <= 0) this.exact = false
    } else if (this.exact || us > SURELY_LONG_US) this.#leave(us > LONG_US)
    else {
      this.exact = true
      this.#exactLeft = EXACT
    }
  }

  /** Moves the app's entries back to pool threads, because its isolate was ended for what it did. */
  distrust(): void {
    this.#leave(true)
  }

  #come(): void {
    this.#isNew = false
    this.inline = true
    this.exact = true
    this.#exactLeft = EXACT
    this.#short = 0
  }

  #leave(forGood: boolean): void {
    this.#isNew = false
    this.inline = false
    this.#short = 0
    this.#wanted = forGood ? MOST : Math.min(this.#wanted * 2, MOST)
  }
}
