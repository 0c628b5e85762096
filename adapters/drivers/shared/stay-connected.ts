/** Longest pause between two tries to reopen a listening connection, in milliseconds. */
const LONGEST_PAUSE = 5000

/**
 * Reopens a connection that only listens whenever it is lost. A listening connection sends nothing, so only
 * the event of its loss reveals the loss.
 */
export class StayConnected {
  #connect: () => Promise<void>
  #name: string
  #timer: NodeJS.Timeout | undefined
  #failures = 0
  #isClosed = false

  /**
   * Keeps a listening connection open. `connect` rejects if it cannot connect; `name` is the backend's name
   * for the log.
   */
  constructor(name: string, connect: () => Promise<void>) {
    this.#name = name
    this.#connect = connect
  }

  /**
   * Tries to reopen a lost listening connection until it succeeds. Messages sent in the meantime are missed.
   */
  lost(): void {
    if (this.#isClosed || this.#timer !== undefined) return
    // The pause before a reconnect is random (full jitter), so that many processes do not reconnect to the
    // backend at once.
    const pause = Math.random() * Math.min(LONGEST_PAUSE, 100 * 2 ** this.#failures)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#again()
    }, pause)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  async #again(): Promise<void> {
    try {
      await this.#connect()
      if (this.#failures > 0) console.error(`${this.#name}: sockets hear of other processes again.`)
      this.#failures = 0
    } catch (error) {
      if (this.#failures === 0)
        console.error(`${this.#name}: sockets do not hear of other processes, trying again:`, error)
      this.#failures++
      this.lost()
    }
  }
}
