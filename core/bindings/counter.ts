import type { CounterDriver, CounterWindow } from './drivers.ts'

/**
 * Milliseconds for which a failed backend of a counter is not asked again, and the least time between two log
 * lines about it.
 */
const REST_MS = 1000
const TELL_MS = 60_000

/**
 * Counts calls per key in windows of time, for the rate limits of existing Workers. While the backend fails,
 * this process counts alone, so calls are neither all refused nor all let through.
 */
export class Counter {
  #driver: CounterDriver
  #binding: string
  #alone: LocalCounter
  #restUntil = -Infinity
  #toldAt = -Infinity

  constructor(driver: CounterDriver, { binding, now }: { binding: string; now: () => number }) {
    this.#driver = driver
    this.#binding = binding
    this.#alone = new LocalCounter(now)
  }

  /** Counts a call for a rate limit if it is within the limit. Resolves to true if it is. */
  async take(key: string, window: CounterWindow): Promise<boolean> {
    if (window.limit <= 0) return false
    if (performance.now() < this.#restUntil) return this.#alone.take(key, window)
    try {
      return await this.#driver.take(key, window)
    } catch (error) {
      this.#failed(error)
      return this.#alone.take(key, window)
    }
  }

  #failed(error: unknown): void {
    const now = performance.now()
    this.#restUntil = now + REST_MS
    if (now - this.#toldAt < TELL_MS) return
    this.#toldAt = now
    console.error(
      `${this.#binding}: its counts cannot be reached, so this process counts alone until they can:`,
      error,
    )
  }
}

/** Number of a counter's keys in memory above which keys whose window has ended are removed. */
const MAX_KEYS = 10_000

/** Counts for rate limits in the memory of this process alone. */
export class LocalCounter implements CounterDriver {
  #now: () => number
  #windows = new Map<string, { ends: number; count: number }>()
  #sweepAt = MAX_KEYS

  constructor(now: () => number) {
    this.#now = now
  }

  async take(key: string, { limit, amount, seconds }: CounterWindow): Promise<boolean> {
    const now = this.#now()
    let window = this.#windows.get(key)
    if (window === undefined || window.ends <= now) {
      if (this.#windows.size >= this.#sweepAt) this.#sweep(now)
      this.#windows.set(key, (window = { ends: now + seconds * 1000, count: 0 }))
    }
    if (window.count >= limit) return false
    window.count += amount
    return true
  }

  /**
   * Removes a counter's keys whose window has ended. The next sweep waits until the number of keys has
   * doubled: if nearly all windows are open, every call would sweep otherwise.
   */
  #sweep(now: number): void {
    for (const [key, { ends }] of this.#windows) if (ends <= now) this.#windows.delete(key)
    this.#sweepAt = Math.max(MAX_KEYS, this.#windows.size * 2)
  }
}
