/** Options of {@link HostTime}, the limit of an app's time on a shared thread. */
export interface HostTimeOptions {
  /**
   * Milliseconds of the shared thread that the app may use per second. Infinity if the app has the thread
   * alone.
   */
  perSecond: number
  /** Called when the app has to wait for the shared thread, at most twice a second. */
  onHit(): void
}

const HIT_MS = 500

/**
 * Limits how much one app uses the thread that all apps of a process share. An app that has used its share
 * waits: its next calls run one after the other as its budget refills. A call that has begun is not
 * interrupted.
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

  /** Charges the app with microseconds of the shared thread. */
  take(microseconds: number): void {
    this.#refill()
    this.#left -= microseconds / 1000
  }

  /** Resolves when the app's next call may run on the shared thread; undefined if it may run now. */
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
