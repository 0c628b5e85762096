/** Milliseconds of the longest delay of node's timers; a timer with a longer one would fire at once. */
const LONGEST = 2_147_483_647
/**
 * Most timers of one isolate at once. The guest has the same limit; this one holds if a tenant has got around
 * that.
 */
const MAX_TIMERS = 10_000

/** The timers of one isolate. */
export class TimerTable {
  #timers = new Map<number, NodeJS.Timeout>()
  #fire: (id: number) => void
  #max: number
  #onLimit: (max: number) => void

  /** A timer of the isolate beyond `max` (default 10,000) is not started, and `onLimit` is called. */
  constructor(
    fire: (id: number) => void,
    max: number = MAX_TIMERS,
    onLimit: (max: number) => void = () => {},
  ) {
    this.#fire = fire
    this.#max = max
    this.#onLimit = onLimit
  }

  start(id: unknown, delay: unknown): void {
    if (typeof id !== 'number') return
    if (this.#timers.size >= this.#max) return this.#onLimit(this.#max)
    const milliseconds = typeof delay === 'number' ? Math.min(Math.max(delay, 0), LONGEST) : 0
    this.clear(id)
    this.#timers.set(
      id,
      setTimeout(() => {
        this.#timers.delete(id)
        this.#fire(id)
      }, milliseconds),
    )
  }

  clear(id: unknown): void {
    clearTimeout(this.#timers.get(id as number))
    this.#timers.delete(id as number)
  }

  clearAll(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }
}
