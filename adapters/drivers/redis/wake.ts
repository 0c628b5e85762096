import { UnmoorError } from '../../../core/errors.ts'
import type { Listener, Pushes } from './shared-connection.ts'

/**
 * Wakes receivers that wait for messages of one Redis queue, when a push is published on the queue's channel.
 */
export class Wake {
  #hub: Pushes
  #channel: string
  #waiting = new Set<() => void>()
  #pushes = 0
  #listening: Promise<void> | undefined
  #closed = false
  #listener: Listener = { pushed: () => this.#push(1), lost: () => this.#lost() }

  constructor(hub: Pushes, channel: string) {
    this.#hub = hub
    this.#channel = channel
  }

  /**
   * Number of pushes of the queue so far. {@link wait} compares it, so that a push between a poll and a wait
   * is not missed.
   */
  get pushes(): number {
    return this.#pushes
  }

  /**
   * Resolves to true when the queue's pushes will be heard, or to false if no Redis connection can be opened
   * now.
   */
  async listen(): Promise<boolean> {
    if (this.#closed) return false
    const listening = (this.#listening ??= this.#hub.listen(this.#channel, this.#listener))
    try {
      await listening
      return !this.#closed
    } catch (error) {
      if (this.#listening === listening) this.#listening = undefined
      if (error instanceof UnmoorError && error.retryable) return false
      throw error
    }
  }

  /**
   * Waits for the next push of the Redis queue; `seen` is the number of pushes before its last poll. Also
   * ends after `milliseconds`, or when the signal aborts.
   */
  wait(seen: number, milliseconds: number, signal: AbortSignal): Promise<void> {
    if (seen !== this.#pushes || signal.aborted || this.#closed) return Promise.resolve()
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, milliseconds)
      this.#waiting.add(done)
      signal.addEventListener('abort', done, { once: true })
    })
  }

  /**
   * Wakes one waiting receiver of the Redis queue. A push stands for one send of one or more messages, so it
   * wakes a single receiver, which calls `more` if there are more.
   */
  more(): void {
    this.#push(1)
  }

  close(): void {
    this.#closed = true
    this.#push(Infinity)
    this.#hub.forget(this.#channel, this.#listener)
  }

  #push(most: number): void {
    this.#pushes++
    let left = most
    for (const resolve of this.#waiting) {
      if (left-- <= 0) break
      resolve()
    }
  }

  /**
   * After a lost Redis connection, pushes may have been missed, so all waiting receivers of the queue poll.
   */
  #lost(): void {
    this.#listening = undefined
    this.#push(Infinity)
  }
}
