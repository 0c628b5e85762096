import { type Exchange, refuseLate } from './exchange.ts'

/** Parts of the limit after which it is looked at again: an answer is cut off this much later at most. */
const PARTS = 20

/**
 * The time that handlers have for an answer. Handlers that wait are looked at together: a timer for each
 * request would cost more than all of it.
 */
export class AnswerLimit {
  #seconds: number
  #waiting = new Set<Exchange>()
  #tick = 0
  #timer: NodeJS.Timeout | undefined

  constructor(seconds: number) {
    this.#seconds = seconds
  }

  /** The handler has begun and has not answered. */
  begin(exchange: Exchange): void {
    exchange.begun = this.#tick
    this.#waiting.add(exchange)
    this.#timer ??= setInterval(() => this.#look(), (this.#seconds * 1000) / PARTS).unref()
  }

  /** The handler has answered, or failed. */
  end(exchange: Exchange): void {
    this.#waiting.delete(exchange)
  }

  #look(): void {
    this.#tick++
    for (const exchange of this.#waiting) {
      if (this.#tick - exchange.begun <= PARTS) continue
      this.#waiting.delete(exchange)
      refuseLate(
        exchange.outgoing,
        503,
        `Service Unavailable: no answer came within the limit of wallTimeout, ${this.#seconds} s.`,
      )
    }
    if (this.#waiting.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
