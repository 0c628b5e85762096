/** Extends the target's Headers, Request and Response with what Workers add to their constructors. */

interface Extension {
  /**
   * Returns the arguments for the constructor of the runtime's own class. Default: the given arguments.
   */
  prepare?(args: unknown[]): unknown[]
  /** Hook that receives each new instance and its constructor arguments. */
  made?(instance: object, args: readonly unknown[]): void
  /** Hook that receives each clone of a Request or Response, and the original. */
  cloned?(copy: object, original: object): void
}

/** Replaces the global class by an extended version. */
export function extendGlobal(name: 'Headers' | 'Request' | 'Response', extension: Extension): void {
  type Class = (new (...args: unknown[]) => object) & { prototype: object }
  const Original = Reflect.get(globalThis, name) as Class
  const Extended: Class = new Proxy(Original, {
    construct(target, args: unknown[], newTarget) {
      const instance = Reflect.construct(target, extension.prepare?.(args) ?? args, newTarget) as object
      extension.made?.(instance, args)
      return instance
    },
    get(target, key, receiver) {
      const value: unknown = Reflect.get(target, key, receiver)
      // `instanceof Request` is asked of the runtime's own class, which may recognise instances by more than
      // the prototype. Subclasses are checked the usual way.
      return key === Symbol.hasInstance && receiver === Extended && typeof value === 'function'
        ? value.bind(target)
        : value
    },
  })
  if (extension.cloned !== undefined) watchClones(Original.prototype, extension)
  for (const proto of prototypes(Original.prototype)) {
    if (Object.hasOwn(proto, 'constructor'))
      Object.defineProperty(proto, 'constructor', { value: Extended, writable: true, configurable: true })
  }
  Object.defineProperty(globalThis, name, { value: Extended, writable: true, configurable: true })
}

const watched = new WeakSet<object>()

/**
 * Calls the hook `cloned` for each clone of a Request or Response. Every prototype is patched, since a
 * target's incoming requests have a `clone` of their own, which may return an instance of another class.
 */
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
        extension.cloned?.(copy, this)
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
