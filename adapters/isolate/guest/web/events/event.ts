import { reportError } from '../bridge/bridge.ts'
import { elapsed } from '../clock.ts'
import { type Constants, finish } from '../define.ts'
import { DOMException } from '../dom-exception.ts'

export interface EventInit {
  bubbles?: boolean
  cancelable?: boolean
  composed?: boolean
}

/**
 * Target of events. The type stands for the class EventTarget, whose module is evaluated after the module of
 * events.
 */
export interface Target {
  dispatchEvent(event: Event): boolean
}

/** A listener registered on an event target. */
export interface Listener {
  callback: ((this: Target, event: Event) => unknown) | { handleEvent(event: Event): unknown }
  capture: boolean
  once: boolean
  passive: boolean
  removed: boolean
}

/**
 * Runs an event's listeners; returns false if one prevented the default. Assigned inside the class, so that
 * no public object exposes it.
 */
export let runListeners: (
  event: Event,
  target: Target,
  listeners: readonly Listener[],
  remove: (listener: Listener) => void,
  trusted: boolean,
) => boolean

let trusted: PropertyDescriptor

/** Phase constants of the class {@link Event}. */
export const EVENT_CONSTANTS: Constants = { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 }

/** The web's class Event, without a DOM tree to propagate through. */
export class Event {
  #type: string
  #init: EventInit
  #stopped = false
  #stoppedNow = false
  #prevented = false
  #phase = 0
  #target: Target | null = null
  #passive = false
  #dispatching = false
  #trusted = false
  declare readonly isTrusted: boolean
  readonly #timeStamp = elapsed()

  constructor(type: string, init: EventInit = {}) {
    if (arguments.length === 0) throw new TypeError('Event: a type is required')
    finish(new.target)
    this.#type = `${type}`
    // `isTrusted` is an own property of each event, not of the prototype: [LegacyUnforgeable] in the DOM
    // standard.
    Object.defineProperty(this, 'isTrusted', trusted)
    this.#init = {
      bubbles: Boolean(init?.bubbles),
      cancelable: Boolean(init?.cancelable),
      composed: Boolean(init?.composed),
    }
  }

  get type(): string {
    return this.#type
  }
  /** Creation time of the event, in milliseconds since `performance.timeOrigin`. */
  get timeStamp(): number {
    return this.#timeStamp
  }
  get target(): Target | null {
    return this.#target
  }
  get srcElement(): Target | null {
    return this.#target
  }
  get currentTarget(): Target | null {
    return this.#dispatching ? this.#target : null
  }
  get eventPhase(): number {
    return this.#phase
  }
  get bubbles(): boolean {
    return this.#init.bubbles as boolean
  }
  get cancelable(): boolean {
    return this.#init.cancelable as boolean
  }
  get composed(): boolean {
    return this.#init.composed as boolean
  }
  get defaultPrevented(): boolean {
    return this.#prevented
  }
  get returnValue(): boolean {
    return !this.#prevented
  }
  set returnValue(value: boolean) {
    if (!value) this.preventDefault()
  }
  get cancelBubble(): boolean {
    return this.#stopped
  }
  set cancelBubble(value: boolean) {
    this.#stopped ||= Boolean(value)
  }
  composedPath(): Target[] {
    return this.#dispatching && this.#target !== null ? [this.#target] : []
  }
  stopPropagation(): void {
    this.#stopped = true
  }
  stopImmediatePropagation(): void {
    this.#stopped = true
    this.#stoppedNow = true
  }
  preventDefault(): void {
    if (this.#init.cancelable === true && !this.#passive) this.#prevented = true
  }
  initEvent(type: string, bubbles = false, cancelable = false): void {
    if (arguments.length === 0) throw new TypeError('initEvent takes a type')
    if (this.#dispatching) return
    this.#type = `${type}`
    this.#init = { ...this.#init, bubbles: Boolean(bubbles), cancelable: Boolean(cancelable) }
    this.#prevented = this.#stopped = this.#stoppedNow = false
  }

  static {
    const holder = {
      get isTrusted(): boolean {
        return (this as unknown as Event).#trusted
      },
    }
    trusted = { ...Object.getOwnPropertyDescriptor(holder, 'isTrusted'), configurable: false }
    runListeners = (event, target, listeners, remove, trusted) => {
      if (event.#dispatching)
        throw new DOMException('The event is already being dispatched.', 'InvalidStateError')
      event.#dispatching = true
      event.#trusted = trusted
      event.#target = target
      event.#phase = 2
      for (const listener of listeners) {
        if (listener.removed) continue
        if (listener.once) remove(listener)
        event.#passive = listener.passive
        try {
          const { callback } = listener
          if (typeof callback === 'function') callback.call(target, event)
          else callback.handleEvent(event)
        } catch (error) {
          reportError(error)
        }
        event.#passive = false
        if (event.#stoppedNow) break
      }
      event.#dispatching = event.#stopped = event.#stoppedNow = false
      event.#phase = 0
      return !event.#prevented
    }
  }
}

export class CustomEvent extends Event {
  #detail: unknown
  constructor(type: string, init: EventInit & { detail?: unknown } = {}) {
    super(type, init)
    this.#detail = init?.detail ?? null
  }
  get detail(): unknown {
    return this.#detail
  }
  initCustomEvent(type: string, bubbles = false, cancelable = false, detail: unknown = null): void {
    if (arguments.length === 0) throw new TypeError('initCustomEvent takes a type')
    if (!(#detail in this)) throw new TypeError('Illegal invocation')
    if (this.eventPhase !== 0) return
    this.initEvent(type, bubbles, cancelable)
    this.#detail = detail
  }
}

interface ErrorEventInit extends EventInit {
  message?: string
  filename?: string
  lineno?: number
  colno?: number
  error?: unknown
}
export class ErrorEvent extends Event {
  readonly #init: ErrorEventInit
  constructor(type: string, init: ErrorEventInit = {}) {
    super(type, init)
    this.#init = { ...init }
  }
  get message(): string {
    return this.#init.message ?? ''
  }
  get filename(): string {
    return this.#init.filename ?? ''
  }
  get lineno(): number {
    return this.#init.lineno ?? 0
  }
  get colno(): number {
    return this.#init.colno ?? 0
  }
  get error(): unknown {
    return this.#init.error
  }
}

interface MessageEventInit extends EventInit {
  data?: unknown
  origin?: string
  lastEventId?: string
  source?: unknown
  ports?: unknown[]
}
export class MessageEvent extends Event {
  readonly #init: MessageEventInit
  constructor(type: string, init: MessageEventInit = {}) {
    super(type, init)
    this.#init = { ...init }
  }
  get data(): unknown {
    return this.#init.data ?? null
  }
  get origin(): string {
    return this.#init.origin ?? ''
  }
  get lastEventId(): string {
    return this.#init.lastEventId ?? ''
  }
  get source(): unknown {
    return this.#init.source ?? null
  }
  get ports(): readonly unknown[] {
    return Object.freeze([...(this.#init.ports ?? [])])
  }
}

export class PromiseRejectionEvent extends Event {
  readonly #promise: object
  readonly #reason: unknown
  constructor(type: string, init: EventInit & { promise: object; reason?: unknown }) {
    super(type, init)
    if (typeof init?.promise !== 'object' || init.promise === null)
      throw new TypeError('PromiseRejectionEvent: a promise is required')
    this.#promise = init.promise
    this.#reason = init.reason
  }
  get promise(): object {
    return this.#promise
  }
  get reason(): unknown {
    return this.#reason
  }
}
