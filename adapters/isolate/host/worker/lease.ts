import { UnmoorError } from '../../../../core/errors.ts'
import { monotonicMs } from '../monotonic.ts'

/**
 * The time in which this process may serve an app's objects. It ends by this process's own clock: whoever
 * renews it may be dead, stopped, or cut off from the store.
 */
export class Lease {
  #until: number | undefined
  #timer: NodeJS.Timeout | undefined
  #onEnd: () => void

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
  }

  renew(until: number): void {
    this.#until = until
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#onEnd, Math.max(0, until - monotonicMs()))
  }

  get isOver(): boolean {
    return this.#until !== undefined && monotonicMs() >= this.#until
  }

  /** @throws `Unavailable` where another host may own the objects by now. */
  check(): void {
    if (!this.isOver) return
    throw new UnmoorError('Unavailable', "This host's lease of the app's objects has run out.")
  }
}
