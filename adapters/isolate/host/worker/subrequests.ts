/**
 * Budget of `fetch()` calls that a tenant's running events share, since only the tenant knows which event
 * makes a call.
 */
export class Subrequests {
  #perEvent: number
  #onLimit: () => void
  #left = 0

  constructor(perEvent: number, onLimit: () => void) {
    this.#perEvent = perEvent
    this.#onLimit = onLimit
  }

  /**
   * Adds the `fetch()` calls that a new event may make. If `isAlone` is true, no other event is running, and
   * unused calls expire.
   */
  grant(isAlone: boolean): void {
    this.#left = (isAlone ? 0 : this.#left) + this.#perEvent
  }

  /**
   * Counts one `fetch()` call.
   *
   * @throws TypeError beyond the limit, the error that apps expect of `fetch()`.
   */
  take(): void {
    if (this.#left > 0) {
      this.#left--
      return
    }
    this.#onLimit()
    throw new TypeError(
      'LimitExceeded: the app called fetch() more often than its limit of subrequests, ' +
        `${this.#perEvent} per event.`,
    )
  }
}
