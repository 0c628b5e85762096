/**
 * The global object as an event target: `error` and `unhandledrejection`, their handlers, and events that
 * apps dispatch on the global.
 */
import { on, post, setReporter } from '../bridge/bridge.ts'
import { ErrorEvent, type Event, PromiseRejectionEvent } from './event.ts'
import { dispatchAt, EventTarget } from './event-target.ts'
import { inspect } from '../inspect.ts'

const REJECTION = 'unhandledrejection'
/** Holds the listeners of the global object, which cannot be an instance of EventTarget. */
const target = new EventTarget()
const handlers: Record<string, unknown> = { error: null, [REJECTION]: null, rejectionhandled: null }

let isHeard = false
// Asks the engine for unhandled rejections. The engine sees them, but the guest wants them only once somebody
// listens.
function hearRejections(): void {
  if (!isHeard) post('rejections')
  isHeard = true
}

/** The three methods of EventTarget on the global object. */
export const globalTarget = {
  addEventListener(type: string, callback: never, options?: never): void {
    if (arguments.length < 2) throw new TypeError('addEventListener takes a type and a listener')
    target.addEventListener(type, callback, options)
    if (`${type}` === REJECTION) hearRejections()
  },
  removeEventListener(type: string, callback: never, options?: never): void {
    if (arguments.length < 2) throw new TypeError('removeEventListener takes a type and a listener')
    target.removeEventListener(type, callback, options)
  },
  dispatchEvent: (event: Event): boolean => dispatchAt(target, event, globalThis),
}

/**
 * Defines `onerror`, `onunhandledrejection` and `onrejectionhandled` on the global object, and reports
 * uncaught errors to them.
 */
export function installErrorEvents(): void {
  for (const type of Object.keys(handlers)) {
    Object.defineProperty(globalThis, `on${type}`, {
      get: () => handlers[type],
      set(value: unknown) {
        handlers[type] = typeof value === 'function' ? value : null
        if (type === REJECTION && value !== null) hearRejections()
      },
      configurable: true,
      enumerable: true,
    })
    target.addEventListener(type, (event) => callHandler(type, event))
  }
  setReporter(report)
  on('rejection', reject)
}

function callHandler(type: string, event: Event): void {
  const handler = handlers[type]
  if (typeof handler !== 'function') return
  if (!(event instanceof ErrorEvent)) {
    if (Reflect.apply(handler, globalThis, [event]) === false) event.preventDefault()
    return
  }
  const { message, filename, lineno, colno, error } = event
  if (Reflect.apply(handler, globalThis, [message, filename, lineno, colno, error]) === true)
    event.preventDefault()
}

let isReporting = false

function report(error: unknown): void {
  // An error that an `error` listener throws goes to the log, which avoids an endless loop.
  let isNew = true
  if (!isReporting) {
    isReporting = true
    const event = new ErrorEvent('error', {
      message: `Uncaught ${firstLine(error)}`,
      filename: '',
      error,
      cancelable: true,
    })
    isNew = dispatchAt(target, event, globalThis, true)
    isReporting = false
  }
  if (isNew) post('log', 'error', `Uncaught ${inspect(error)}`)
}

function firstLine(error: unknown): string {
  const text = inspect(error)
  const end = text.indexOf('\n')
  return end < 0 ? text : text.slice(0, end)
}

const ERRORS: Readonly<Record<string, ErrorConstructor>> = {
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
}

// Dispatches `unhandledrejection`. The event's promise is not the one that was rejected: isolated-vm passes
// on only a copy of the rejection's reason.
function reject(data: { error?: { name: string; message: string; stack: string }; value?: unknown }): void {
  const reason = data.error === undefined ? data.value : toError(data.error)
  const promise = Promise.reject(reason)
  promise.catch(() => {})
  const event = new PromiseRejectionEvent(REJECTION, { promise, reason, cancelable: true })
  if (dispatchAt(target, event, globalThis, true))
    post('log', 'error', `Unhandled rejection: ${inspect(reason)}`)
}

function toError({ name, message, stack }: { name: string; message: string; stack: string }): Error {
  const Class = Object.hasOwn(ERRORS, name) ? (ERRORS[name] as ErrorConstructor) : Error
  return Object.defineProperty(new Class(message), 'stack', {
    value: stack,
    writable: true,
    configurable: true,
  })
}
