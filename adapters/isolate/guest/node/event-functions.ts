/** Functions of `node:events` other than EventEmitter; they accept emitters and EventTargets alike. */
import { link } from '../link.ts'

export type Name = string | symbol
// oxlint-disable-next-line typescript/no-explicit-any -- listeners take what their event gives
export type Listener = (...args: any[]) => unknown
/** Members of EventEmitter that the functions of `node:events` use. */
export interface Emitter {
  on(name: Name, listener: Listener): unknown
  once(name: Name, listener: Listener): unknown
  off(name: Name, listener: Listener): unknown
  listeners(name: Name): Listener[]
  listenerCount(name: Name): number
  getMaxListeners(): number
  setMaxListeners(count: number): unknown
}

export interface Options {
  signal?: AbortSignal
}
export interface OnOptions extends Options {
  /** Names of events that end the iteration of `on` of node:events. */
  close?: readonly Name[]
}
type Source = Emitter | EventTarget

const maxOfTarget = new WeakMap<EventTarget, number>()

function aborted(signal: AbortSignal): Error {
  return Object.assign(new Error('The operation was aborted', { cause: signal.reason }), {
    name: 'AbortError',
    code: 'ABORT_ERR',
  })
}

/** Calls `listener` when the signal aborts or has aborted. Disposing of the result removes the listener. */
export function addAbortListener(signal: AbortSignal, listener: (event?: Event) => void): Disposable {
  const isOver = signal.aborted
  if (isOver) queueMicrotask(listener)
  else signal.addEventListener('abort', listener, { once: true })
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', listener) }
}

function listen(source: Source, name: Name, listener: Listener, once: boolean): () => void {
  if (source instanceof EventTarget) {
    source.addEventListener(String(name), listener, { once })
    return () => source.removeEventListener(String(name), listener)
  }
  if (once) source.once(name, listener)
  else source.on(name, listener)
  return () => source.off(name, listener)
}

/** `once` of node:events: resolves with the arguments of the next event `name`; an `error` event rejects. */
async function once(source: Source, name: Name, { signal }: Options = {}): Promise<unknown[]> {
  if (signal?.aborted === true) throw aborted(signal)
  const { promise, resolve, reject } = Promise.withResolvers<unknown[]>()
  const stops = [listen(source, name, (...args: unknown[]) => resolve(args), true)]
  if (name !== 'error' && !(source instanceof EventTarget)) stops.push(listen(source, 'error', reject, true))
  if (signal !== undefined) {
    const { [Symbol.dispose]: stop } = addAbortListener(signal, () => reject(aborted(signal)))
    stops.push(stop)
  }
  try {
    return await promise
  } finally {
    for (const stop of stops) stop()
  }
}

/**
 * `on` of node:events: yields the arguments of each event `name`. Listening starts with the call, not with
 * the iteration.
 */
function on(source: Source, name: Name, { signal, close = [] }: OnOptions = {}): AsyncGenerator<unknown[]> {
  if (signal?.aborted === true) throw aborted(signal)
  const waiting: unknown[][] = []
  let isOver = false
  let wake = Promise.withResolvers<void>()
  wake.promise.catch(() => {})
  const push = (...args: unknown[]): void => {
    waiting.push(args)
    wake.resolve()
  }
  const end = (): void => {
    isOver = true
    wake.resolve()
  }
  const stops = [
    listen(source, name, push, false),
    ...(source instanceof EventTarget
      ? []
      : [listen(source, 'error', (error: unknown) => wake.reject(error), false)]),
    ...close.map((event) => listen(source, event, end, true)),
  ]
  if (signal !== undefined) {
    const { [Symbol.dispose]: stop } = addAbortListener(signal, () => wake.reject(aborted(signal)))
    stops.push(stop)
  }
  async function* events(): AsyncGenerator<unknown[]> {
    try {
      for (;;) {
        await wake.promise
        while (waiting.length > 0) yield waiting.shift() as unknown[]
        if (isOver) return
        wake = Promise.withResolvers<void>()
        wake.promise.catch(() => {})
      }
    } finally {
      for (const stop of stops) stop()
    }
  }
  return events()
}

/**
 * Creates the functions of `node:events`. EventEmitter is a parameter, not an import, because the class has
 * these functions as static members.
 */
// oxlint-disable-next-line typescript/explicit-function-return-type -- it is the list of them
export function createFunctions(Emitter: { defaultMaxListeners: number }) {
  return {
    addAbortListener,
    getEventListeners: (source: Source, name: Name): Listener[] =>
      source instanceof EventTarget
        ? (link.listenersOf(source as never, String(name)) as Listener[])
        : source.listeners(name),
    getMaxListeners: (source: Source): number =>
      source instanceof EventTarget
        ? (maxOfTarget.get(source) ?? Emitter.defaultMaxListeners)
        : source.getMaxListeners(),
    listenerCount: (source: Source, name: Name): number =>
      source instanceof EventTarget
        ? link.listenersOf(source as never, String(name)).length
        : source.listenerCount(name),
    on,
    once,
    setMaxListeners(count = Emitter.defaultMaxListeners, ...sources: Source[]): void {
      if (sources.length === 0) Emitter.defaultMaxListeners = count
      for (const source of sources)
        if (source instanceof EventTarget) maxOfTarget.set(source, count)
        else source.setMaxListeners(count)
    },
  }
}
