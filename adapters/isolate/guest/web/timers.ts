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

/**
 * A timer as an object, as Node and workerd with nodejs_compat have it; as a number it is its id. `ref` and
 * `unref` only keep what they were told, because nothing waits for an isolate's timers.
 */
export class Timeout {
  #callback: () => void
  #delay: number
  #repeat: boolean
  #id: number
  #hasRef = true

  constructor(callback: () => void, delay: number, repeat: boolean) {
    this.#callback = callback
    this.#delay = delay
    this.#repeat = repeat
    this.#id = startTimer(callback, delay, repeat)
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
  /** Starts the timer anew, also one that has fired. */
  refresh(): this {
    clearTimer(this.#id)
    this.#id = startTimer(this.#callback, this.#delay, this.#repeat)
    return this
  }
  close(): this {
    clearTimer(this.#id)
    return this
  }
  [Symbol.toPrimitive](): number {
    return this.#id
  }
  [Symbol.dispose](): void {
    clearTimer(this.#id)
  }
}

export function setTimeout(handler: unknown, delay?: unknown, ...args: unknown[]): Timeout {
  return new Timeout(toCallback(handler, args, globalThis), toDelay(delay), false)
}
export function setInterval(handler: unknown, delay?: unknown, ...args: unknown[]): Timeout {
  return new Timeout(toCallback(handler, args, globalThis), Math.max(1, toDelay(delay)), true)
}
export function clearTimeout(id?: unknown): void {
  clearTimer(Number(id))
}
export function clearInterval(id?: unknown): void {
  clearTimer(Number(id))
}
