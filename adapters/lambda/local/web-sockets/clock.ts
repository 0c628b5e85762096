/** What the gateway measures time by; tests bring their own. */
export interface GatewayClock {
  /** Milliseconds since 1970. */
  now(): number
  /** Calls back after so many milliseconds; returns what cancels it. */
  after(milliseconds: number, callback: () => void): () => void
}

/** The machine's own. Its timers keep no process alive. */
export const SYSTEM_CLOCK: GatewayClock = {
  now: () => Date.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
