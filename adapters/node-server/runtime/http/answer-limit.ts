/**
 * Number of parts that the time limit for a handler's answer is divided into. Waiting handlers are checked
 * once per part, so an answer is cut off at most one part too late.
 */
const PARTS = 20

/**
 * Enforces the time limit of handlers for an answer. All waiting handlers are checked together, because a
 * timer for each request would cost more than the rest of this class.
 */
export class AnswerLimit<Waiting extends { begun: number }> {
  #seconds: number
  #expire: (waiting: Waiting) => void
  #waiting = new Set<Waiting>()
  #tick = 0
  #timer: NodeJS.Timeout | undefined

  /** `expire` is called with each handler that has exceeded the time limit of `seconds` for an answer. */
  constructor(seconds: number, expire: (waiting: Waiting) => void) {
    this.#seconds = seconds
    this.#expire = expire
  }

  /** Starts the time limit of a handler that has to answer a request. */
  begin(waiting: Waiting): void {
    waiting.begun = this.#tick
    this.#waiting.add(waiting)
    this.#timer ??= setInterval(() => this.#look(), (this.#seconds * 1000) / PARTS).unref()
  }

  /** Ends the time limit of a handler that has answered its request or failed. */
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
