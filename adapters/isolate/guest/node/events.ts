/** `node:events` in an isolate. The functions beside EventEmitter are in `event-functions.ts`. */
import { inspect } from '../web/inspect.ts'
import { link } from '../link.ts'
import { createFunctions, type Listener, type Name } from './event-functions.ts'

interface Entry {
  listener: Listener
  once: boolean
  /** Function that `rawListeners` returns for a `once` listener: removes the listener and calls it. */
  raw?: Listener
}

// Listeners are kept outside their EventEmitter, so that emitters made without their constructor
// (`Object.create`, a forgotten super call) work as on Node.
const entriesOf = new WeakMap<object, Map<Name, readonly Entry[]>>()
const maxOf = new WeakMap<object, number>()
const capturing = new WeakSet<object>()
const captureRejectionSymbol = Symbol.for('nodejs.rejection')

function codedError(Class: ErrorConstructor, code: string, message: string): Error {
  return Object.assign(new Class(message), { code })
}

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
    throw codedError(TypeError, 'ERR_INVALID_ARG_TYPE', 'The "listener" argument must be of type function.')
  if (name !== 'newListener' && emitter.listenerCount('newListener') > 0)
    emitter.emit('newListener', name, listener)
  const list = entries(emitter).get(name) ?? []
  const entry = { listener, once: single }
  // A new array of listeners is stored, so that an emit in progress keeps iterating over the old one.
  entries(emitter).set(name, first ? [entry, ...list] : [...list, entry])
  return emitter
}

function remove<E extends Emitter>(emitter: E, name: Name, listener: Listener): E {
  const list = entries(emitter).get(name) ?? []
  const index = list.findLastIndex((entry) => entry.listener === listener || entry.raw === listener)
  if (index < 0) return emitter
  if (list.length === 1) entries(emitter).delete(name)
  else entries(emitter).set(name, list.toSpliced(index, 1))
  if (emitter.listenerCount('removeListener') > 0)
    emitter.emit('removeListener', name, list[index]?.listener ?? listener)
  return emitter
}

/**
 * Turns a rejection of an asynchronous listener into an error of the emitter, if the emitter was created with
 * `captureRejections`.
 */
function capture(emitter: Emitter, result: unknown, name: Name, args: readonly unknown[]): void {
  if (typeof result !== 'object' || result === null) return
  const { then } = result as { then?: unknown }
  if (typeof then !== 'function') return
  Reflect.apply(then, result, [
    undefined,
    (error: unknown) =>
      queueMicrotask(() => {
        const own = (emitter as { [captureRejectionSymbol]?: unknown })[captureRejectionSymbol]
        if (typeof own === 'function') Reflect.apply(own, emitter, [error, name, ...args])
        else emitter.emit('error', error)
      }),
  ])
}

function unhandled(error: unknown): Error {
  if (error instanceof Error) return error
  const shown = typeof error === 'string' ? `'${error}'` : inspect(error)
  return Object.assign(codedError(Error, 'ERR_UNHANDLED_ERROR', `Unhandled error. (${shown})`), {
    context: error,
  })
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
    if (list.length === 0 && name === 'error') throw unhandled(args[0])
    const captures = capturing.has(this)
    for (const { listener, once: single } of list) {
      if (single) remove(this, name, listener)
      const result: unknown = Reflect.apply(listener, this, args)
      if (captures && name !== 'error') capture(this, result, name, args)
    }
    return list.length > 0
  }
  listeners(name: Name): Listener[] {
    return (entries(this).get(name) ?? []).map(({ listener }) => listener)
  }
  rawListeners(name: Name): Listener[] {
    return (entries(this).get(name) ?? []).map((entry) => {
      if (!entry.once) return entry.listener
      entry.raw ??= Object.assign(
        (...args: unknown[]): unknown => {
          remove(this, name, entry.listener)
          return Reflect.apply(entry.listener, this, args)
        },
        { listener: entry.listener },
      )
      return entry.raw
    })
  }
  listenerCount(name: Name, listener?: Listener): number {
    const list = entries(this).get(name) ?? []
    return listener === undefined ? list.length : list.filter((entry) => entry.listener === listener).length
  }
  // EventEmitter's `eventNames()` returns names in the order of an object's keys: strings before symbols.
  eventNames(): Name[] {
    return Reflect.ownKeys(Object.fromEntries(entries(this)))
  }
  setMaxListeners(count: number): this {
    if (typeof count !== 'number' || Number.isNaN(count) || count < 0)
      throw codedError(
        RangeError,
        'ERR_OUT_OF_RANGE',
        `The value of "setMaxListeners" is out of range. It must be a non-negative number. Received ${count}`,
      )
    maxOf.set(this, count)
    return this
  }
  getMaxListeners(): number {
    return maxOf.get(this) ?? EventEmitter.defaultMaxListeners
  }
}

/**
 * An EventEmitter. Its constructor is a plain function, so that old libraries can call it on an object of
 * their own.
 */
export type EventEmitter = Emitter
interface EmitterConstructor {
  new (options?: { captureRejections?: boolean }): EventEmitter
  (): void
  readonly prototype: EventEmitter
  defaultMaxListeners: number
  captureRejections: boolean
  readonly errorMonitor: symbol
}
function construct(this: object | undefined, options?: { captureRejections?: boolean }): void {
  if (this !== undefined && (options?.captureRejections ?? EventEmitter.captureRejections))
    capturing.add(this)
}
export const EventEmitter = construct as unknown as EmitterConstructor
Object.defineProperty(EventEmitter, 'name', { value: 'EventEmitter', configurable: true })
Object.defineProperty(EventEmitter, 'prototype', { value: Emitter.prototype })
Object.defineProperty(Emitter.prototype, 'constructor', {
  value: EventEmitter,
  writable: true,
  configurable: true,
})
Object.assign(EventEmitter, {
  captureRejections: false,
  defaultMaxListeners: 10,
  errorMonitor: Symbol('events.errorMonitor'),
})

/** An emitter whose listeners run in the async context in which the emitter was created. */
class EventEmitterAsyncResource extends EventEmitter {
  #run: (work: () => boolean) => boolean = link.keepContext((work: () => boolean) => work())
  readonly asyncId = 1
  readonly triggerAsyncId = 1
  readonly asyncResource: { readonly eventEmitter: object } = { eventEmitter: this }

  override emit(name: Name, ...args: unknown[]): boolean {
    return this.#run(() => super.emit(name, ...args))
  }
  emitDestroy(): void {}
}

const helpers = createFunctions(EventEmitter)
export const {
  addAbortListener,
  getEventListeners,
  getMaxListeners,
  listenerCount,
  on,
  once,
  setMaxListeners,
} = helpers
export const errorMonitor = EventEmitter.errorMonitor
export const defaultMaxListeners = EventEmitter.defaultMaxListeners
export const captureRejections = false
export const usingDomains = false
export { captureRejectionSymbol, EventEmitterAsyncResource }
Object.assign(EventEmitter, helpers, {
  captureRejectionSymbol,
  EventEmitter,
  EventEmitterAsyncResource,
  init(this: object, options?: { captureRejections?: boolean }) {
    Reflect.apply(EventEmitter as unknown as () => void, this, [options])
  },
  usingDomains,
})

export default EventEmitter
export { EventEmitter as 'module.exports' }
