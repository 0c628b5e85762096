import { UnmoorError } from '../../../core/errors.ts'
import type { Listener, Pushes } from './shared-connection.ts'

/** Wakes those who wait for a message of one queue, by what is published on its channel. */
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
   * How many pushes there were: what {@link wait} compares, so that one between a look and a wait is not
   * missed.
   */
  get pushes(): number {
    return this.#pushes
  }

  /** Resolves when pushes will be seen; with false where the connection for it cannot be had now. */
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

  /** Waits for a push after the `seen`th, that time, or the signal. */
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
   * One push is one send, of one or more messages: one who waits is woken, and wakes the next if there is
   * more.
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

  /** What was pushed meanwhile was not heard, so all look. */
  #lost(): void {
    this.#listening = undefined
    this.#push(Infinity)
  }
}
