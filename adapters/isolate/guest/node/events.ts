/** `node:events` in an isolate: EventEmitter, `once` and `on`, as libraries use them. */
type Name = string | symbol
// oxlint-disable-next-line typescript/no-explicit-any -- listeners take what their event gives
type Listener = (...args: any[]) => unknown
interface Entry {
  listener: Listener
  once: boolean
}

// Kept apart, so that emitters made without their constructor (`Object.create`, a forgotten super call) work
// as on Node.
const entriesOf = new WeakMap<object, Map<Name, readonly Entry[]>>()
const maxOf = new WeakMap<object, number>()

function entries(emitter: object): Map<Name, readonly Entry[]> {
  let map = entriesOf.get(emitter)
  if (map === undefined) entriesOf.set(emitter, (map = new Map<Name, readonly Entry[]>()))
  return map
}

function add<E extends Emitter>(
  emitter: E,
  name: Name,
  listener: Listener,
  single: boolean,
  first: boolean,
): E {
  if (typeof listener !== 'function')
    throw Object.assign(new TypeError('The "listener" argument must be of type function.'), {
      code: 'ERR_INVALID_ARG_TYPE',
    })
  if (name !== 'newListener' && emitter.listenerCount('newListener') > 0)
    emitter.emit('newListener', name, listener)
  const list = entries(emitter).get(name) ?? []
  const entry = { listener, once: single }
  // A new array, so that an emit under way keeps its own.
  entries(emitter).set(name, first ? [entry, ...list] : [...list, entry])
  return emitter
}

function remove<E extends Emitter>(emitter: E, name: Name, listener: Listener): E {
  const list = entries(emitter).get(name) ?? []
  const index = list.findLastIndex((entry) => entry.listener === listener)
  if (index < 0) return emitter
  if (list.length === 1) entries(emitter).delete(name)
  else entries(emitter).set(name, list.toSpliced(index, 1))
  if (emitter.listenerCount('removeListener') > 0) emitter.emit('removeListener', name, listener)
  return emitter
}

class Emitter {
  on(name: Name, listener: Listener): this {
    return add(this, name, listener, false, false)
  }
  addListener(name: Name, listener: Listener): this {
    return add(this, name, listener, false, false)
  }
  prependListener(name: Name, listener: Listener): this {
    return add(this, name, listener, false, true)
  }
  once(name: Name, listener: Listener): this {
    return add(this, name, listener, true, false)
  }
  prependOnceListener(name: Name, listener: Listener): this {
    return add(this, name, listener, true, true)
  }
  off(name: Name, listener: Listener): this {
    return remove(this, name, listener)
  }
  removeListener(name: Name, listener: Listener): this {
    return remove(this, name, listener)
  }
  removeAllListeners(name?: Name): this {
    if (name === undefined) entries(this).clear()
    else entries(this).delete(name)
    return this
  }
  emit(name: Name, ...args: unknown[]): boolean {
    if (name === 'error')
      for (const { listener } of entries(this).get(EventEmitter.errorMonitor) ?? [])
        Reflect.apply(listener, this, args)
    const list = entries(this).get(name) ?? []
    if (list.length === 0 && name === 'error') {
      throw args[0] instanceof Error
        ? args[0]
        : Object.assign(new Error(`Unhandled error. (${String(args[0])})`), {
            code: 'ERR_UNHANDLED_ERROR',
            context: args[0],
          })
    }
    for (const { listener, once: single } of list) {
      if (single) remove(this, name, listener)
      Reflect.apply(listener, this, args)
    }
    return list.length > 0
  }
  listeners(name: Name): Listener[] {
    return (entries(this).get(name) ?? []).map(({ listener }) => listener)
  }
  rawListeners(name: Name): Listener[] {
    return this.listeners(name)
  }
  listenerCount(name: Name): number {
    return (entries(this).get(name) ?? []).length
  }
  eventNames(): Name[] {
    return [...entries(this).keys()]
  }
  setMaxListeners(count: number): this {
    maxOf.set(this, count)
    return this
  }
  getMaxListeners(): number {
    return maxOf.get(this) ?? EventEmitter.defaultMaxListeners
  }
}

/**
 * An EventEmitter. The constructor is a function, so that libraries of old can call it on an object of their
 * own.
 */
export type EventEmitter = Emitter
interface EmitterConstructor {
  new (): EventEmitter
  (): void
  readonly prototype: EventEmitter
  defaultMaxListeners: number
  readonly errorMonitor: symbol
}
export const EventEmitter = function EventEmitter() {} as unknown as EmitterConstructor
Object.defineProperty(EventEmitter, 'prototype', { value: Emitter.prototype })
Object.defineProperty(Emitter.prototype, 'constructor', {
  value: EventEmitter,
  writable: true,
  configurable: true,
})
Object.assign(EventEmitter, { defaultMaxListeners: 10, errorMonitor: Symbol('events.errorMonitor') })

interface WaitOptions {
  signal?: AbortSignal
}

/** The arguments of the next event of that name; an `error` event rejects. */
export function once(
  emitter: EventEmitter | EventTarget,
  name: string,
  { signal }: WaitOptions = {},
): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    if (emitter instanceof EventTarget)
      return emitter.addEventListener(name, (event) => resolve([event]), { once: true })
    const done = (...args: unknown[]): void => {
      emitter.off('error', failed)
      resolve(args)
    }
    const failed = (error: unknown): void => {
      emitter.off(name, done)
      reject(error)
    }
    emitter.once(name, done)
    if (name !== 'error') emitter.once('error', failed)
  })
}

/** Each event's arguments, one after the other. */
export async function* on(
  emitter: EventEmitter,
  name: Name,
  { signal }: WaitOptions = {},
): AsyncGenerator<unknown[]> {
  const waiting: unknown[][] = []
  let wake = Promise.withResolvers<void>()
  const push = (...args: unknown[]): void => {
    waiting.push(args)
    wake.resolve()
  }
  const failed = (error: unknown): void => wake.reject(error)
  emitter.on(name, push)
  emitter.on('error', failed)
  signal?.addEventListener('abort', () => wake.reject(signal.reason), { once: true })
  try {
    for (;;) {
      await wake.promise
      wake = Promise.withResolvers<void>()
      while (waiting.length > 0) yield waiting.shift() as unknown[]
    }
  } finally {
    emitter.off(name, push)
    emitter.off('error', failed)
  }
}

export const errorMonitor = EventEmitter.errorMonitor
export const defaultMaxListeners = EventEmitter.defaultMaxListeners
Object.assign(EventEmitter, { EventEmitter, once, on })

export default EventEmitter
export { EventEmitter as 'module.exports' }
