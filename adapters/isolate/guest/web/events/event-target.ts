import { Event, type Listener, runListeners } from './event.ts'

type Callback = Listener['callback']
interface ListenerOptions {
  capture?: boolean
  once?: boolean
  passive?: boolean
  signal?: {
    readonly aborted: boolean
    addEventListener(type: 'abort', listener: () => void, options: { once: true }): void
  }
}

/** Returns an EventTarget's listeners for an event type. Assigned inside the class. */
export let listenersOf: (target: EventTarget, type: string) => unknown[]
let dispatchOn: (target: EventTarget, event: Event, trusted: boolean, shown?: object) => boolean

/** The web's EventTarget. */
export class EventTarget {
  #listeners: Map<string, Listener[]> | undefined

  addEventListener(type: string, callback: Callback | null, options: boolean | ListenerOptions = {}): void {
    if (arguments.length < 2) throw new TypeError('addEventListener takes a type and a listener')
    const {
      capture = false,
      once = false,
      passive = false,
      signal,
    } = typeof options === 'object' && options !== null ? options : { capture: Boolean(options) }
    if (signal !== undefined && typeof signal?.addEventListener !== 'function')
      throw new TypeError('addEventListener: signal is not an AbortSignal')
    if (!(#listeners in this)) throw new TypeError('Illegal invocation')
    if (callback === null || callback === undefined || signal?.aborted) return
    if (typeof callback !== 'function' && typeof callback !== 'object')
      throw new TypeError('addEventListener: the listener is neither a function nor an object')
    this.#listeners ??= new Map()
    const list = this.#listeners.get(`${type}`) ?? []
    if (list.some((listener) => listener.callback === callback && listener.capture === Boolean(capture)))
      return
    const listener = {
      callback,
      capture: Boolean(capture),
      once: Boolean(once),
      passive: Boolean(passive),
      removed: false,
    }
    // A new array of listeners is stored, so that a dispatch in progress keeps iterating over the old one.
    this.#listeners.set(`${type}`, [...list, listener])
    signal?.addEventListener('abort', () => this.#remove(`${type}`, listener), { once: true })
  }

  removeEventListener(
    type: string,
    callback: Callback | null,
    options: boolean | { capture?: boolean } = {},
  ): void {
    if (arguments.length < 2) throw new TypeError('removeEventListener takes a type and a listener')
    const capture = Boolean(typeof options === 'object' && options !== null ? options.capture : options)
    const listener = this.#listeners
      ?.get(`${type}`)
      ?.find((entry) => entry.callback === callback && entry.capture === capture)
    if (listener !== undefined) this.#remove(`${type}`, listener)
  }

  dispatchEvent(event: Event): boolean {
    if (!(event instanceof Event)) throw new TypeError('dispatchEvent takes an Event')
    return dispatchOn(this, event, false)
  }

  #remove(type: string, listener: Listener): void {
    listener.removed = true
    const list = this.#listeners?.get(type)
    if (list !== undefined)
      this.#listeners?.set(
        type,
        list.filter((entry) => entry !== listener),
      )
  }

  static {
    listenersOf = (target, type) => (target.#listeners?.get(type) ?? []).map(({ callback }) => callback)
    dispatchOn = (target, event, trusted, shown = target) => {
      const { type } = event
      return runListeners(
        event,
        shown as EventTarget,
        target.#listeners?.get(type) ?? [],
        (listener) => target.#remove(type, listener),
        trusted,
      )
    }
  }
}

/** Dispatches an event of the runtime itself (not of the app), whose `isTrusted` is true. */
export function dispatchTrusted(target: EventTarget, event: Event): boolean {
  return dispatchOn(target, event, true)
}

/** Dispatches an event to the listeners of `target`, which see `shown` as the event's target. */
export function dispatchAt(target: EventTarget, event: Event, shown: object, trusted = false): boolean {
  if (!(event instanceof Event)) throw new TypeError('dispatchEvent takes an Event')
  return dispatchOn(target, event, trusted, shown)
}

/**
 * Defines `on<type>` on the prototype of a class of event targets. The handler is one listener, which keeps
 * its place among the others when the handler is replaced.
 */
export function defineHandler(prototype: EventTarget, type: string): void {
  const handlers = new WeakMap<EventTarget, { handler: unknown; listener: (event: Event) => unknown }>()
  const handler: PropertyDescriptor & ThisType<EventTarget> = {
    configurable: true,
    enumerable: true,
    get(this: EventTarget) {
      if (!(this instanceof (prototype.constructor as typeof EventTarget)) || (this as unknown) === prototype)
        throw new TypeError('Illegal invocation')
      return handlers.get(this)?.handler ?? null
    },
    set(this: EventTarget, handler: unknown) {
      const old = handlers.get(this)
      const value =
        typeof handler === 'function' || (typeof handler === 'object' && handler !== null) ? handler : null
      if (old !== undefined && value !== null) {
        old.handler = value
        return
      }
      if (old !== undefined) {
        this.removeEventListener(type, old.listener)
        handlers.delete(this)
      }
      if (value === null) return
      const entry = {
        handler: value as unknown,
        listener: (event: Event) =>
          typeof entry.handler === 'function' ? entry.handler.call(this, event) : undefined,
      }
      handlers.set(this, entry)
      this.addEventListener(type, entry.listener)
    },
  }
  for (const accessor of ['get', 'set'] as const)
    Object.defineProperty(handler[accessor], 'name', { value: `${accessor} on${type}`, configurable: true })
  Object.defineProperty(prototype, `on${type}`, handler)
}
