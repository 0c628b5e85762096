import type { ServerResponse } from 'node:http'
import { UnmoorError } from '../../../../core/errors.ts'
import { monotonicMs } from '../monotonic.ts'

/**
 * Lease under which this process may serve an app's Durable Objects. It expires by this process's own clock,
 * since the supervisor that renews it may be dead, stopped, or cut off from the store.
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

  // This check of the Durable Objects lease runs after the event loop has read its messages, so that a
  // renewal that arrived while this thread was busy counts.
  #look(): void {
    if (this.#until === undefined) return
    if (this.isOver) this.#onEnd()
    else this.renew(this.#until)
  }

  get isOver(): boolean {
    return this.#until !== undefined && monotonicMs() >= this.#until
  }

  /**
   * Drops a response that would begin after the Durable Objects lease has expired: another host may have
   * answered differently by then.
   */
  guard(outgoing: ServerResponse): void {
    if (this.#until === undefined) return
    const writeHead = outgoing.writeHead.bind(outgoing) as (...head: unknown[]) => ServerResponse
    outgoing.writeHead = (...head: unknown[]) => {
      if (this.isOver) outgoing.destroy()
      return writeHead(...head)
    }
  }

  /**
   * Checks the lease of the app's Durable Objects. @throws `Unavailable` if it has expired, as another host
   * may own the objects by now.
   */
  check(): void {
    if (!this.isOver) return
    throw new UnmoorError('Unavailable', "This host's lease of the app's objects has run out.")
  }
}
