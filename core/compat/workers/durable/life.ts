/** Life of a Durable Object in memory. An error may end it, which rejects every event being handled. */
export class Life {
  #ended: { reason: unknown } | undefined
  #holds = 0
  #events = new Set<(reason: unknown) => void>()
  #onEnd: (reason: unknown) => void

  constructor(onEnd: (reason: unknown) => void) {
    this.#onEnd = onEnd
  }

  /**
   * True if something other than an event (a timer, a WebSocket, `waitUntil`) keeps the Durable Object in
   * memory.
   */
  get isHeld(): boolean {
    return this.#holds > 0
  }

  /** Keeps the Durable Object in memory until the returned function is called. */
  hold(): () => void {
    this.#holds++
    let isOver = false
    return () => {
      if (!isOver) this.#holds--
      isOver = true
    }
  }

  /** Checks that the Durable Object's life in memory has not ended. @throws the reason if it has. */
  check(): void {
    if (this.#ended !== undefined) throw this.#ended.reason
  }

  end(reason: unknown): void {
    if (this.#ended !== undefined) return
    this.#ended = { reason }
    this.#onEnd(reason)
    for (const reject of this.#events) reject(reason)
  }

  /** Runs an event's work; the end of the Durable Object's life in memory rejects the result. */
  run<T>(work: () => T | Promise<T>): Promise<Awaited<T>> {
    // Promise.race is avoided: a promise that lives as long as the Durable Object would keep each event in
    // memory.
    return new Promise((resolve, reject) => {
      this.#events.add(reject)
      const done = async (): Promise<Awaited<T>> => await work()
      done()
        .then(resolve, reject)
        .finally(() => this.#events.delete(reject))
    })
  }
}
