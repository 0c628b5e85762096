import { callSync } from './bridge.ts'
import { EventTarget } from './event-target.ts'

const INTERNAL = Symbol('internal')
let origin: number | undefined

export class Performance extends EventTarget {
  constructor(key?: unknown) {
    if (key !== INTERNAL) throw new TypeError('Illegal constructor')
    super()
  }
  /** Milliseconds since {@link timeOrigin}, by the host's monotonic clock. */
  now(): number {
    return callSync('now') as number
  }
  get timeOrigin(): number {
    return (origin ??= callSync('timeOrigin') as number)
  }
  toJSON(): { timeOrigin: number } {
    return { timeOrigin: this.timeOrigin }
  }
}

/** The global `performance`. */
export const performance = new Performance(INTERNAL)
