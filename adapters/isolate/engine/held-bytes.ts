/**
 * Counts the bytes of one isolate's messages that this process holds, by their weights
 * (`guest/web/bridge/weigh.ts`).
 */
export class HeldBytes {
  /** Most bytes of the isolate's messages that this process holds at once. */
  peak = 0
  #arriving = 0
  #calls = 0

  /** Counts a batch of messages that has arrived from the isolate. */
  arrive(weight: number): void {
    if (weight === 0) return
    this.#arriving += weight
    this.#note()
  }

  /**
   * Starts a new count of arriving bytes: the isolate's code has waited until all messages that it had sent
   * were handled.
   */
  taken(): void {
    this.#arriving = 0
  }

  /**
   * Adds the bytes of the arguments of an isolate's call when the call begins; takes them off, as a negative
   * number, when it is answered.
   */
  keep(bytes: number): void {
    this.#calls += bytes
    this.#note()
  }

  #note(): void {
    this.peak = Math.max(this.peak, this.#arriving + this.#calls)
  }
}
