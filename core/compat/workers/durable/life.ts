/** One object's time in memory: an error may end it, with every event that is being handled. */
export class Life {
  #ended: { reason: unknown } | undefined
  #holds = 0
  #events = new Set<(reason: unknown) => void>()
  #onEnd: (reason: unknown) => void

  constructor(onEnd: (reason: unknown) => void) {
    this.#onEnd = onEnd
  }

  /** True if something other than an event needs the object in memory. */
  get isHeld(): boolean {
    return this.#holds > 0
  }

  /** Keeps the object in memory until the function that it returns is called. */
  hold(): () => void {
    this.#holds++
    let isOver = false
    return () => {
      if (!isOver) this.#holds--
      isOver = true
    }
  }

  /** @throws what ended it. */
  check(): void {
    if (this.#ended !== undefined) throw this.#ended.reason
  }

  end(reason: unknown): void {
    if (this.#ended !== undefined) return
    this.#ended = { reason }
    this.#onEnd(reason)
    for (const reject of this.#events) reject(reason)
  }

  /** Runs an event's work; what ends the object ends it as well. */
  run<T>(work: () => T | Promise<T>): Promise<Awaited<T>> {
    // No Promise.race: a promise that lasts as long as the object would keep each event.
    return new Promise((resolve, reject) => {
      this.#events.add(reject)
      const done = async (): Promise<Awaited<T>> => await work()
      done()
        .then(resolve, reject)
        .finally(() => this.#events.delete(reject))
    })
  }
}
