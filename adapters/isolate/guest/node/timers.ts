/** `node:timers` in an isolate: the globals, and `setImmediate`. */
import type { Timeout } from '../web/timers.ts'
import * as promises from './timers-promises.ts'

const { clearTimeout: clear, setInterval, setTimeout } = globalThis
type Callback = (...args: never[]) => void

export function setImmediate(callback: Callback, ...args: unknown[]): Timeout {
  // The types of the web say that it is a number.
  return setTimeout(callback, 0, ...args) as unknown as Timeout
}
export function clearTimeout(timer?: Timeout | number): void {
  if (timer !== undefined && timer !== null) clear(Number(timer))
}
export const clearInterval = clearTimeout
export const clearImmediate = clearTimeout
export { promises, setInterval, setTimeout }

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
