/** Classes of the web that Workers give more to the constructor of: the target's own, with what is more. */

interface Extension {
  /** Returns the arguments that the target's own constructor gets. Default: those that were given. */
  prepare?(args: unknown[]): unknown[]
  /** Called with each new instance and what it was made from. */
  made(instance: object, args: readonly unknown[]): void
  /** Called with each clone. */
  cloned(copy: object, original: object): void
}

/** Puts the target's Request or Response, with the extension, in its place. */
export function extendGlobal(name: 'Request' | 'Response', extension: Extension): void {
  type Class = (new (...args: unknown[]) => object) & { prototype: object }
  const Original = (globalThis as unknown as Record<string, Class>)[name] as Class
  const Extended: Class = new Proxy(Original, {
    construct(target, args: unknown[], newTarget) {
      const instance = Reflect.construct(target, extension.prepare?.(args) ?? args, newTarget) as object
      extension.made(instance, args)
      return instance
    },
    get(target, key, receiver) {
      const value: unknown = Reflect.get(target, key, receiver)
      // The target may know its instances by more than the prototype. A subclass is asked the usual way.
      return key === Symbol.hasInstance && receiver === Extended && typeof value === 'function'
        ? value.bind(target)
        : value
    },
  })
  watchClones(Original.prototype, extension)
  for (const proto of prototypes(Original.prototype)) {
    if (Object.hasOwn(proto, 'constructor'))
      Object.defineProperty(proto, 'constructor', { value: Extended, writable: true, configurable: true })
  }
  Object.defineProperty(globalThis, name, { value: Extended, writable: true, configurable: true })
}

const watched = new WeakSet<object>()

/** A target's incoming requests have a `clone` of their own, and a clone may be of another class again. */
export function watchClones(start: object, extension: Extension): void {
  for (const proto of prototypes(start)) {
    if (watched.has(proto)) return
    watched.add(proto)
    const clone = Object.getOwnPropertyDescriptor(proto, 'clone')
    if (typeof clone?.value !== 'function') continue
    const original = clone.value as () => object
    Object.defineProperty(proto, 'clone', {
      ...clone,
      value(this: object): object {
        const copy = original.call(this)
        extension.cloned(copy, this)
        return copy
      },
    })
  }
}

function* prototypes(start: object): Generator<object> {
  let proto: object | null = start
  while (proto !== null && proto !== Object.prototype) {
    yield proto
    proto = Object.getPrototypeOf(proto) as object | null
  }
}
