import type { ServerResponse } from 'node:http'
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
    this.#timer = setTimeout(() => setImmediate(() => this.#look()), Math.max(0, until - monotonicMs()))
  }

  // Called once the event loop has read what was sent: a renewal may have come while this thread was at work.
  #look(): void {
    if (this.#until === undefined) return
    if (this.isOver) this.#onEnd()
    else this.renew(this.#until)
  }

  get isOver(): boolean {
    return this.#until !== undefined && monotonicMs() >= this.#until
  }

  /** Cuts an answer that would begin after the lease: another host may have said otherwise by then. */
  guard(outgoing: ServerResponse): void {
    if (this.#until === undefined) return
    const writeHead = outgoing.writeHead.bind(outgoing) as (...head: unknown[]) => ServerResponse
    outgoing.writeHead = (...head: unknown[]) => {
      if (this.isOver) outgoing.destroy()
      return writeHead(...head)
    }
  }

  /** @throws `Unavailable` where another host may own the objects by now. */
  check(): void {
    if (!this.isOver) return
    throw new UnmoorError('Unavailable', "This host's lease of the app's objects has run out.")
  }
}
