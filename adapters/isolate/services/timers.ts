/** Longest delay of node's timers; a longer one would fire at once. */
const LONGEST = 2_147_483_647
/**
 * Timers of one isolate; the guest's own limit is the same, this one holds where a tenant has got around it.
 */
const MAX_TIMERS = 10_000

/** The timers of one isolate. */
export class TimerTable {
  #timers = new Map<number, NodeJS.Timeout>()
  #fire: (id: number) => void
  #max: number
  #onLimit: (max: number) => void

  /** Beyond `max` timers (default 10,000) `onLimit` is called and none is started. */
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
