/** `cf` of a request: given to the constructor on Workers, and kept by copies. */

/** Has requests keep `cf`, as they do on Workers; the web's drop it. */
export function keepRequestCf(): void {
  const Original = globalThis.Request
  const Kept: typeof Request = new Proxy(Original, {
    construct(target, args: ConstructorParameters<typeof Request>, newTarget) {
      const request = Reflect.construct(target, args, newTarget) as Request
      const [input, init] = args as [unknown, { cf?: unknown } | null | undefined]
      setCf(request, init?.cf ?? cfOf(input))
      return request
    },
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver)
      // The target may know its instances by more than the prototype. A subclass is asked the usual way.
      return name === Symbol.hasInstance && receiver === Kept && typeof value === 'function'
        ? value.bind(target)
        : value
    },
  })
  keepOfClones(Original.prototype)
  for (let proto: unknown = Original.prototype; isObject(proto); proto = Object.getPrototypeOf(proto)) {
    if (Object.hasOwn(proto, 'constructor') && proto !== Object.prototype)
      Object.defineProperty(proto, 'constructor', { value: Kept, writable: true, configurable: true })
  }
  Object.defineProperty(globalThis, 'Request', { value: Kept, writable: true, configurable: true })
}

/** What a request, or whatever a request is made from, has as `cf`. */
export function cfOf(input: unknown): unknown {
  return isObject(input) ? (input as { cf?: unknown }).cf : undefined
}

/** Gives a request its `cf`; its clones have it too. */
export function setCf(request: Request, cf: unknown): void {
  if (cf === undefined || cf === null) return
  Object.defineProperty(request, 'cf', { value: cf, writable: true, configurable: true })
  keepOfClones(Object.getPrototypeOf(request))
}

const keeping = new WeakSet<object>()

/** A target's incoming requests have a `clone` of their own, and a clone may be of another class again. */
function keepOfClones(start: unknown): void {
  for (let proto = start; isObject(proto) && !keeping.has(proto); proto = Object.getPrototypeOf(proto)) {
    keeping.add(proto)
    const clone = Object.getOwnPropertyDescriptor(proto, 'clone')
    if (typeof clone?.value !== 'function') continue
    const original = clone.value as () => Request
    Object.defineProperty(proto, 'clone', {
      ...clone,
      value(this: Request): Request {
        const copy = original.call(this)
        setCf(copy, cfOf(this))
        return copy
      },
    })
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
