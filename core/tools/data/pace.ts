/** Limits a data transfer to a number of records per second. */
export class Pace {
  #rate: number | undefined
  #next = 0

  constructor(rate: number | undefined) {
    this.#rate = rate
  }

  /** Resolves when the transfer may send `count` more records. */
  async take(count: number): Promise<void> {
    if (this.#rate === undefined || count === 0) return
    const now = performance.now()
    const wait = Math.max(0, this.#next - now)
    this.#next = Math.max(now, this.#next) + (count / this.#rate) * 1000
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
  }
}
