/**
 * Bytes of one isolate's messages that its host holds, by the weight that `guest/web/weigh.ts` gives a
 * message.
 */
export class HeldBytes {
  /** Most bytes held at once. */
  peak = 0
  #arriving = 0
  #calls = 0

  /** A batch of messages has come in. */
  arrive(weight: unknown): void {
    if (typeof weight !== 'number' || !(weight > 0)) return
    this.#arriving += weight
    this.#note()
  }

  /**
   * The guest has waited until the host had taken in all that it had sent: what it sends from now on is
   * counted anew.
   */
  taken(): void {
    this.#arriving = 0
  }

  /**
   * Arguments of a call are kept (a positive number of bytes) until its answer (the same number, negative).
   */
  keep(bytes: number): void {
    this.#calls += bytes
    this.#note()
  }

  #note(): void {
    this.peak = Math.max(this.peak, this.#arriving + this.#calls)
  }
}
