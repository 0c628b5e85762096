/** Microseconds of CPU time up to which an entry is short enough for the host's own thread. */
export const SHORT_US = 2000
/** A tenant that has held its neighbours up for longer than this does not come back. */
const LONG_US = 50_000
/** An entry longer than this by the clock was long, however long its thread waited for a core. */
const SURELY_LONG_US = 400_000
/** Short entries after which an isolate is trusted at first, and at most. */
const FIRST = 20
const MOST = 1_000_000
/** Short entries in the host's thread after which an old lapse is forgotten. */
const FORGET = 10_000
/** Entries that are measured exactly after one that looked too long. */
const EXACT = 100

/**
 * Decides if a tenant's entries are short enough for the host's own thread. An entry there needs no switch of
 * threads (2 us of CPU instead of about 30), but its neighbours wait for it. So a tenant begins on threads of
 * its own, comes over after a row of short entries, and goes back, for longer each time, when one was long.
 */
export class InlinePolicy {
  /** True if the next entry may be on the host's own thread. */
  inline = false
  /** True if the next entry's CPU time is to be measured exactly, which costs 2 us. */
  exact = false
  #short = 0
  #wanted = FIRST
  #exactLeft = 0
  #isNew = true

  /**
   * Others of the same code are known to be short. An app that has had entries of its own is judged by those.
   */
  trust(): void {
    if (this.#isNew) this.#come()
  }

  /**
   * An entry on another thread: microseconds by the clock. One that had to wait for a core only looks long,
   * so it counts little.
   */
  notePooled(us: number): void {
    this.#isNew = false
    if (us > SHORT_US) this.#short = us > LONG_US ? 0 : Math.max(0, this.#short - 5)
    else if (++this.#short >= this.#wanted) this.#come()
  }

  /** An entry in the host's own thread: microseconds by the clock, or where {@link exact} of CPU time. */
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

  /** The isolate was ended for what it did. */
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
