/**
 * The calls of `fetch()` that a tenant's events under way may make together: only the tenant could say which
 * of them calls.
 */
export class Subrequests {
  #perEvent: number
  #onLimit: () => void
  #left = 0

  constructor(perEvent: number, onLimit: () => void) {
    this.#perEvent = perEvent
    this.#onLimit = onLimit
  }

  /** An event begins. `isAlone`: no other is under way, so nothing is left over from the events before it. */
  grant(isAlone: boolean): void {
    this.#left = (isAlone ? 0 : this.#left) + this.#perEvent
  }

  /** Counts one call. @throws TypeError beyond the limit: an app expects one of `fetch()`. */
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
