/** `node:timers` in an isolate: the globals, with objects in place of numbers for timers. */
import * as promises from './timers-promises.ts'

const { clearTimeout: clear, setInterval: startInterval, setTimeout: start } = globalThis
type Callback = (...args: never[]) => void

/**
 * A timer object like Node's. `ref` and `unref` have no effect, because nothing waits for an isolate's
 * timers.
 */
export class Timeout {
  #begin: () => number
  #id: number
  #hasRef = true

  constructor(begin: () => number) {
    this.#begin = begin
    this.#id = begin()
  }
  ref(): this {
    this.#hasRef = true
    return this
  }
  unref(): this {
    this.#hasRef = false
    return this
  }
  hasRef(): boolean {
    return this.#hasRef
  }
  refresh(): this {
    clear(this.#id)
    this.#id = this.#begin()
    return this
  }
  close(): this {
    clear(this.#id)
    return this
  }
  [Symbol.toPrimitive](): number {
    return this.#id
  }
  [Symbol.dispose](): void {
    clear(this.#id)
  }
}

export function setTimeout(callback: Callback, delay?: number, ...args: unknown[]): Timeout {
  return new Timeout(() => start(callback, delay, ...args))
}
export function setInterval(callback: Callback, delay?: number, ...args: unknown[]): Timeout {
  return new Timeout(() => startInterval(callback, delay, ...args))
}
export function setImmediate(callback: Callback, ...args: unknown[]): Timeout {
  return setTimeout(callback, 0, ...args)
}
export function clearTimeout(timer?: Timeout | number): void {
  if (timer !== undefined && timer !== null) clear(Number(timer))
}
export const clearInterval = clearTimeout
export const clearImmediate = clearTimeout
export { promises }

// `util.promisify` of `setTimeout` or `setImmediate` returns the function of node:timers/promises.
for (const [original, custom] of [
  [setTimeout, promises.setTimeout],
  [setImmediate, promises.setImmediate],
] as const)
  Object.defineProperty(original, Symbol.for('nodejs.util.promisify.custom'), { value: custom })

// `setImmediate` and `clearImmediate` are also properties of the global object, as on Node, for code that
// looks them up there.
for (const [name, value] of Object.entries({ clearImmediate, setImmediate }))
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true })

const timers = {
  clearImmediate,
  clearInterval,
  clearTimeout,
  promises,
  setImmediate,
  setInterval,
  setTimeout,
}
export default timers
export { timers as 'module.exports' }
