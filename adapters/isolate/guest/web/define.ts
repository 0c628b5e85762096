/** Puts a class, function or object on the global as the Web IDL does: writable, configurable, not enumerable. */
export function defineGlobal(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
}

/** Any class; some have constructors that tenants may not call. */
type AnyClass = { readonly prototype: object }

/** Numbers of required arguments by member, `constructor` among them, where a function's own `length` says something else. */
export type Lengths = Readonly<Record<string, number>>

/**
 * Gives a class its public name and `Symbol.toStringTag`: bundlers rename classes that shadow globals, and minifiers rename all.
 * Members, static ones too, become enumerable, as Web IDL has them.
 */
export function defineInterface(name: string, Class: AnyClass, lengths: Lengths = {}): void {
  Object.defineProperty(Class, 'name', { value: name, configurable: true })
  const { prototype } = Class
  // One by one: V8 takes longer for all at once. Each isolate runs this for some five hundred members, in code that is not optimised yet.
  for (const key of Object.getOwnPropertyNames(prototype)) if (key !== 'constructor') Object.defineProperty(prototype, key, ENUMERABLE)
  for (const key of Object.getOwnPropertyNames(Class))
    if (key !== 'length' && key !== 'name' && key !== 'prototype') Object.defineProperty(Class, key, ENUMERABLE)
  for (const key in lengths) {
    const holder = Object.hasOwn(Class, key) ? Class : prototype
    Object.defineProperty(holder[key as keyof object], 'length', { value: lengths[key], configurable: true })
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true })
  defineGlobal(name, Class)
}

const ENUMERABLE = { enumerable: true }

/** Takes a base that is no interface of its own out of an interface's prototype chain: its members become the interface's. */
export function absorbBase(Class: AnyClass, Base: AnyClass): void {
  const { constructor: _own, ...members } = Object.getOwnPropertyDescriptors(Base.prototype)
  Object.defineProperties(Class.prototype, members)
  Object.setPrototypeOf(Class.prototype, Object.prototype)
}

/** Defines constants of an interface: on the class and on its prototype, for good. */
export function defineConstants(Class: AnyClass, constants: Readonly<Record<string, number>>): void {
  const members: Record<string, PropertyDescriptor> = {}
  for (const name in constants) members[name] = { value: constants[name], writable: false, enumerable: true, configurable: false }
  Object.defineProperties(Class, members)
  Object.defineProperties(Class.prototype, members)
}
