import { keepContext } from './async-context.ts'
import { on, post, reportError } from './bridge/bridge.ts'

interface Timer {
  callback: () => void
  delay: number
  repeat: boolean
}

/**
 * Most live timers in one isolate. One more throws a RangeError, so that a runaway loop fails where it runs.
 */
const MAX_TIMERS = 10_000
const timers = new Map<number, Timer>()
let nextTimer = 1

/** Starts a timer on the engine's clock. */
export function startTimer(callback: () => void, delay: number, repeat: boolean): number {
  if (timers.size >= MAX_TIMERS) throw new RangeError(`More than ${MAX_TIMERS} timers are waiting.`)
  const id = nextTimer++
  timers.set(id, { callback: keepContext(callback), delay, repeat })
  post('timer', id, delay)
  return id
}

/** Stops a timer of the isolate; an unknown id is ignored. */
export function clearTimer(id: number): void {
  if (timers.delete(id)) post('timerClear', id)
}

on('timer', (id: number) => {
  const timer = timers.get(id)
  if (timer === undefined) return
  if (!timer.repeat) timers.delete(id)
  try {
    timer.callback()
  } catch (error) {
    reportError(error)
  }
  if (timer.repeat && timers.has(id)) post('timer', id, timer.delay)
})

// Converts a timer's delay as the web does: to a signed 32-bit integer, at least zero.
function toDelay(delay: unknown): number {
  return Math.max(0, Number(delay) | 0)
}

function toCallback(handler: unknown, args: unknown[], self: unknown): () => void {
  if (typeof handler !== 'function') throw new TypeError('A timer takes a function.')
  return () => Reflect.apply(handler, self, args)
}

export function setTimeout(handler: unknown, delay?: unknown, ...args: unknown[]): number {
  return startTimer(toCallback(handler, args, globalThis), toDelay(delay), false)
}
export function setInterval(handler: unknown, delay?: unknown, ...args: unknown[]): number {
  return startTimer(toCallback(handler, args, globalThis), Math.max(1, toDelay(delay)), true)
}
export function clearTimeout(id?: unknown): void {
  clearTimer(Number(id))
}
export function clearInterval(id?: unknown): void {
  clearTimer(Number(id))
}
