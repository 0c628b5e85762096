/**
 * The global as an event target: `error` and `unhandledrejection`, their handlers, and what apps dispatch on
 * it.
 */
import { on, post, setReporter } from '../bridge/bridge.ts'
import { ErrorEvent, type Event, PromiseRejectionEvent } from './event.ts'
import { dispatchAt, EventTarget } from './event-target.ts'
import { inspect } from '../inspect.ts'

const REJECTION = 'unhandledrejection'
/** Stands behind the global, which cannot be of the class. */
const target = new EventTarget()
const handlers: Record<string, unknown> = { error: null, [REJECTION]: null, rejectionhandled: null }

let isHeard = false
// The host sees rejections, and asks only where somebody listens.
function hearRejections(): void {
  if (!isHeard) post('rejections')
  isHeard = true
}

/** The three methods of EventTarget, for the global. */
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

/** Defines `onerror`, `onunhandledrejection` and `onrejectionhandled`, and reports errors to them. */
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
  // What a listener for errors throws goes to the log, not round in a circle.
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

// The promise is not the one that was rejected: of that the isolate's embedder gives no more than a copy of
// the reason.
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
