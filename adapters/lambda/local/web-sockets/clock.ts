/** The clock of the local API Gateway; tests pass their own. */
export interface GatewayClock {
  /** Returns the gateway clock's current time in milliseconds since 1970. */
  now(): number
  /**
   * Sets a timer of the gateway's clock, which calls `callback` after that many milliseconds; returns a
   * function that cancels the timer.
   */
  after(milliseconds: number, callback: () => void): () => void
}

/** The clock of the machine, for the local API Gateway. Its timers keep no process alive. */
export const SYSTEM_CLOCK: GatewayClock = {
  now: () => Date.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
