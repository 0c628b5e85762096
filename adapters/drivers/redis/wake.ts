import { UnmoorError } from '../../../core/errors.ts'
import type { Connection } from './connection.ts'
import type { RedisSubscriber } from './server.ts'

/**
 * Wakes those who wait for a message: a subscription on a connection of its own, made for the first who waits
 * and made anew after a loss.
 */
export class Wake {
  #connection: Connection
  #channel: string
  #waiting = new Set<() => void>()
  #pushes = 0
  #subscriber: Promise<RedisSubscriber> | undefined
  #closed = false

  constructor(connection: Connection, channel: string) {
    this.#connection = connection
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
    const subscribed = (this.#subscriber ??= this.#connection.subscribe(
      this.#channel,
      () => this.#push(1),
      () => this.#lost(),
    ))
    try {
      const subscriber = await subscribed
      if (this.#closed) subscriber.disconnect()
      return true
    } catch (error) {
      if (this.#subscriber === subscribed) this.#subscriber = undefined
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
    void this.#subscriber?.then(
      (subscriber) => subscriber.disconnect(),
      () => {},
    )
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
    this.#subscriber = undefined
    this.#push(Infinity)
  }
}
