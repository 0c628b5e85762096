import { elapsed, timeOrigin } from './clock.ts'
import { EventTarget } from './events/event-target.ts'

const INTERNAL = Symbol('internal')

export class Performance extends EventTarget {
  /**
   * Returns the value of a member of `performance`. Being private, the method throws if `this` is not a
   * Performance.
   */
  #of<T>(member: () => T): T {
    return member()
  }

  constructor(key?: unknown) {
    if (key !== INTERNAL) throw new TypeError('Illegal constructor')
    super()
  }
  /** `performance.now()`: milliseconds since {@link timeOrigin}. */
  now(): number {
    return this.#of(elapsed)
  }
  get timeOrigin(): number {
    return this.#of(timeOrigin)
  }
  toJSON(): { timeOrigin: number } {
    return { timeOrigin: this.#of(timeOrigin) }
  }
}

/** The global `performance` in an isolate. */
export const performance = new Performance(INTERNAL)
