/** Puts a class, function or object on the global as the Web IDL does: writable, configurable, not enumerable. */
export function defineGlobal(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
}

/** Any class; some have constructors that tenants may not call. */
type AnyClass = { readonly prototype: object }

/**
 * Gives a class its public name and `Symbol.toStringTag`: bundlers rename classes that shadow globals, and minifiers rename all.
 * Members become enumerable, as Web IDL has them.
 */
export function defineInterface(name: string, Class: AnyClass): void {
  Object.defineProperty(Class, 'name', { value: name, configurable: true })
  const prototype = Class.prototype
  for (const key of Object.getOwnPropertyNames(prototype)) {
    if (key !== 'constructor') Object.defineProperty(prototype, key, { enumerable: true })
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true })
  defineGlobal(name, Class)
}
