/**
 * Makes errors of event listeners be logged, as on the web and on other targets. In workerd they are thrown
 * by `dispatchEvent` and `abort`, and fail the request that called those. One difference remains: workerd
 * calls no listener after the one that threw.
 */
export function installListeners(): void {
  if (installed) return
  installed = true
  for (const name of ['setTimeout', 'setInterval', 'queueMicrotask'] as const) catchLater(name)
  const dispatch = methodOf<boolean>(EventTarget.prototype, 'dispatchEvent')
  const abort = methodOf<void>(AbortController.prototype, 'abort')
  replace(EventTarget.prototype, 'dispatchEvent', function (this: EventTarget, event: Event): boolean {
    if (!(event instanceof Event)) return dispatch.call(this, event)
    try {
      return dispatch.call(this, event)
    } catch (error) {
      console.error('A listener threw:', error)
      return !event.defaultPrevented
    }
  })
  replace(AbortController.prototype, 'abort', function (this: AbortController, ...reason: unknown[]): void {
    try {
      abort.call(this, ...reason)
    } catch (error) {
      if (!this.signal.aborted) throw error
      console.error('A listener threw:', error)
    }
  })
}

/**
 * Logs errors that a Worker's timers and microtasks throw. Uncaught, they would make workerd fail a whole
 * queue batch or cron, which is then run again.
 */
function catchLater(name: 'setTimeout' | 'setInterval' | 'queueMicrotask'): void {
  const later = methodOf<unknown>(globalThis, name)
  replace(globalThis, name, (callback: unknown, ...rest: unknown[]): unknown => {
    if (typeof callback !== 'function') return later.call(globalThis, callback, ...rest)
    const caught = (...args: unknown[]): void => {
      try {
        Reflect.apply(callback, globalThis, args)
      } catch (error) {
        console.error('Uncaught exception:', error)
      }
    }
    return later.call(globalThis, caught, ...rest)
  })
}

let installed = false

function methodOf<Result>(prototype: object, name: string): (this: object, ...args: unknown[]) => Result {
  return Reflect.get(prototype, name) as (...args: unknown[]) => Result
}

function replace(prototype: object, name: string, value: (...args: never[]) => unknown): void {
  Object.defineProperty(prototype, name, { value, writable: true, enumerable: true, configurable: true })
}
