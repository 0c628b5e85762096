/** Event methods of a Worker's global object, for targets that lack them. */

const target = new EventTarget()

/** Implements the global functions `addEventListener`, `removeEventListener` and `dispatchEvent`. */
export const globalTarget = {
  addEventListener: target.addEventListener.bind(target),
  removeEventListener: target.removeEventListener.bind(target),
  dispatchEvent: target.dispatchEvent.bind(target),
}

/** The event `error` of a Worker's global object. */
export class ErrorEvent extends Event {
  readonly message: string
  readonly filename: string
  readonly lineno: number
  readonly colno: number
  readonly error: unknown

  constructor(type: string, init: ErrorEventInit = {}) {
    super(type, init)
    this.message = init.message ?? ''
    this.filename = init.filename ?? ''
    this.lineno = init.lineno ?? 0
    this.colno = init.colno ?? 0
    this.error = init.error
  }
}

/**
 * Implements the global reportError: dispatches an `error` event, or logs the error if there is no listener.
 */
export function reportError(...args: readonly unknown[]): void {
  if (args.length === 0) throw new TypeError("Failed to execute 'reportError': 1 argument required.")
  const [error] = args
  const message = `Uncaught ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`
  const event = new globalThis.ErrorEvent('error', { message, error, cancelable: true })
  if (globalThis.dispatchEvent(event)) console.error(error instanceof Error ? error : message)
}
