/** What {@link HostTime} needs. */
export interface HostTimeOptions {
  /** Milliseconds that the app may take in a second. Infinity where it shares the thread with nobody. */
  perSecond: number
  /** The app had to wait. Called twice a second at most. */
  onHit(): void
}

const HIT_MS = 500

/**
 * What one app takes of the thread that all apps of a process share, by sum: where it has had its share of a
 * second, its next calls wait, one after the other, until it has some again. A call that has begun goes on.
 */
export class HostTime {
  #options: HostTimeOptions
  #left: number
  #at = performance.now()
  #last: Promise<void> | undefined
  #waiting = 0
  #hitAt = Number.NEGATIVE_INFINITY

  constructor(options: HostTimeOptions) {
    this.#options = options
    this.#left = options.perSecond
  }

  /** The app has taken so many microseconds. */
  take(microseconds: number): void {
    this.#refill()
    this.#left -= microseconds / 1000
  }

  /** Resolves when it is the app's turn; undefined where that is now. */
  turn(): Promise<void> | undefined {
    this.#refill()
    if (this.#waiting === 0 && this.#left > 0) return undefined
    const now = performance.now()
    if (now - this.#hitAt >= HIT_MS) {
      this.#hitAt = now
      this.#options.onHit()
    }
    this.#waiting++
    const turn = (this.#last ?? Promise.resolve()).then(() => this.#untilFree())
    this.#last = turn
    return turn
  }

  async #untilFree(): Promise<void> {
    for (this.#refill(); this.#left <= 0; this.#refill()) {
      const ms = Math.ceil((-this.#left * 1000) / this.#options.perSecond) + 1
      await new Promise((resolve) => setTimeout(resolve, ms))
    }
    this.#waiting--
  }

  #refill(): void {
    const now = performance.now()
    const { perSecond } = this.#options
    this.#left = Math.min(perSecond, this.#left + ((now - this.#at) * perSecond) / 1000)
    this.#at = now
  }
}
