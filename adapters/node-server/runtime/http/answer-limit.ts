/** Parts of the limit after which it is looked at again: an answer is cut off this much later at most. */
const PARTS = 20

/**
 * The time that handlers have for an answer. Handlers that wait are looked at together: a timer for each
 * request would cost more than all of it.
 */
export class AnswerLimit<Waiting extends { begun: number }> {
  #seconds: number
  #expire: (waiting: Waiting) => void
  #waiting = new Set<Waiting>()
  #tick = 0
  #timer: NodeJS.Timeout | undefined

  /** `expire` is told of each whose time is over. */
  constructor(seconds: number, expire: (waiting: Waiting) => void) {
    this.#seconds = seconds
    this.#expire = expire
  }

  /** The handler has begun and has not answered. */
  begin(waiting: Waiting): void {
    waiting.begun = this.#tick
    this.#waiting.add(waiting)
    this.#timer ??= setInterval(() => this.#look(), (this.#seconds * 1000) / PARTS).unref()
  }

  /** The handler has answered, or failed. */
  end(waiting: Waiting): void {
    this.#waiting.delete(waiting)
  }

  #look(): void {
    this.#tick++
    for (const waiting of this.#waiting) {
      if (this.#tick - waiting.begun <= PARTS) continue
      this.#waiting.delete(waiting)
      this.#expire(waiting)
    }
    if (this.#waiting.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
