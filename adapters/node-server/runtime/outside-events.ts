import { runEvent } from './events.ts'

/**
 * Wraps a driver so that its own work belongs to no event of the app: a connection or timer that one call
 * starts outlives that call's event and serves others. Calls that run code of the app stay in the app's
 * event.
 */
export function outsideEvents<Driver extends object>(driver: Driver): Driver {
  const wrapped = {}
  for (const name of namesOf(driver)) {
    if (name === 'constructor') continue
    const value: unknown = Reflect.get(driver, name)
    Object.defineProperty(wrapped, name, {
      enumerable: true,
      ...(typeof value === 'function'
        ? { value: outside(driver, value as AnyFunction) }
        : { get: () => Reflect.get(driver, name) as unknown }),
    })
  }
  return wrapped as Driver
}

type AnyFunction = (...args: unknown[]) => unknown

function outside(driver: object, method: AnyFunction): AnyFunction {
  const call = (args: unknown[]): unknown => Reflect.apply(method, driver, args)
  return (...args) => (args.some(runsAppCode) ? call(args) : runEvent(undefined, call, args))
}

/**
 * Returns true for arguments of a driver's call whose code is the app's: a callback, a stream that the app
 * may feed, or an object with such a body.
 */
function runsAppCode(value: unknown): boolean {
  if (typeof value === 'function') return true
  // Streams and bodies among a driver call's arguments are recognised by their shape: reading the globals
  // would load their modules, which would slow a cold start on Lambda.
  return typeof value === 'object' && value !== null && ('getReader' in value || 'arrayBuffer' in value)
}

/**
 * Returns the names of all members of a driver, also of its classes, since a driver's class may have private
 * fields.
 */
function namesOf(driver: object): Set<string> {
  const names = new Set<string>()
  for (
    let owner: object | null = driver;
    owner !== null && owner !== Object.prototype;
    owner = Object.getPrototypeOf(owner) as object | null
  )
    for (const name of Object.getOwnPropertyNames(owner)) names.add(name)
  return names
}
