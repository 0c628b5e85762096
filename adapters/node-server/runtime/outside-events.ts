import { runEvent } from './events.ts'

/**
 * A driver whose work belongs to no event: what it starts in a call (a connection, a timer) outlives the
 * event that happened to call first, and serves others. Calls that run code of the app stay in its event.
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

/** A callback, a stream that the app may feed, or what has one as its body. */
function runsAppCode(value: unknown): boolean {
  if (typeof value === 'function') return true
  // Recognised by their shape: to look at the globals would load them, which a cold start on Lambda would
  // pay.
  return typeof value === 'object' && value !== null && ('getReader' in value || 'arrayBuffer' in value)
}

/** Names of all members, those of classes included; a driver's class may have private fields. */
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
