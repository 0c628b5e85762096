import { openSync, readSync } from 'node:fs'

/** Milliseconds between two looks. */
const EVERY = 5

/**
 * The longest time that the event loop of this thread stood still. Time in which the thread was ready and waited
 * for a core belongs to the machine and is left out; that in which it waited for the disk counts.
 */
export class Standstill {
  #file = openSync('/proc/thread-self/schedstat', 'r')
  #bytes = Buffer.alloc(64)
  #timer: NodeJS.Timeout | undefined
  #longest = 0
  #at = 0
  #waited = 0

  start(): void {
    this.#longest = 0
    this.#at = performance.now()
    this.#waited = this.#readWaited()
    this.#timer = setInterval(() => this.#look(), EVERY)
  }

  /** Milliseconds since the start. */
  stop(): number {
    clearInterval(this.#timer)
    this.#look()
    return this.#longest
  }

  #look(): void {
    const now = performance.now()
    const waited = this.#readWaited()
    this.#longest = Math.max(this.#longest, now - this.#at - (waited - this.#waited))
    this.#at = now
    this.#waited = waited
  }

  /** Milliseconds that this thread has waited for a core so far: the second field, in nanoseconds. */
  #readWaited(): number {
    const length = readSync(this.#file, this.#bytes, 0, this.#bytes.length, 0)
    return Number(this.#bytes.toString('latin1', 0, length).split(' ')[1]) / 1e6
  }
}
