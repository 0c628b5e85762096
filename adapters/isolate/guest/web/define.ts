// Built-ins are saved before tenant code runs, because most web interfaces are completed later, when they are
// first used.
const { defineProperty, getOwnPropertyDescriptor, getOwnPropertyNames, getPrototypeOf, hasOwn } = Object
const reflectApply = Reflect.apply

/**
 * Defines a class, function or object on the global as Web IDL does: writable, configurable, not enumerable.
 */
export function defineGlobal(name: string, value: unknown): void {
  defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
}

/** Getters of late globals, by name; each creates its global (such as `ReadableStream`) on first use. */
const late: Record<string, () => unknown> = { __proto__: null as never }

/**
 * Defines a late global, whose value is created on first use. Until then the global is an accessor, which
 * {@link hideLate} conceals.
 */
export function defineLate(name: string, load: () => unknown): void {
  const get = (): unknown => {
    const value = load()
    defineGlobal(name, value)
    return value
  }
  late[name] = get
  defineProperty(globalThis, name, {
    get,
    set: (value: unknown) => defineGlobal(name, value),
    configurable: true,
    enumerable: false,
  })
}

/** Creates the value of a late global (a global created on first use) if the global is still an accessor. */
function makeLate(name: unknown): void {
  const get = typeof name === 'string' ? late[name] : undefined
  if (get !== undefined && getOwnPropertyDescriptor(globalThis, name as string)?.get === get) get()
}

/**
 * Conceals that late globals are accessors: reading the descriptor of a late global creates its value, as
 * with V8's own lazy data properties, which only an embedder in C++ can define. The patched built-ins are
 * proxies, which keep their names and source text.
 */
export function hideLate(): void {
  const one = {
    apply(target: never, self: unknown, args: unknown[]): unknown {
      if (args[0] === globalThis) makeLate(args[1])
      return reflectApply(target, self, args)
    },
  }
  const all = {
    apply(target: never, self: unknown, args: unknown[]): unknown {
      if (args[0] === globalThis) for (const name in late) makeLate(name)
      return reflectApply(target, self, args)
    },
  }
  replace(Object, 'getOwnPropertyDescriptor', one)
  replace(Reflect, 'getOwnPropertyDescriptor', one)
  replace(Object, 'getOwnPropertyDescriptors', all)
}

function replace<Holder extends object>(holder: Holder, name: keyof Holder & string, handler: object): void {
  defineProperty(holder, name, {
    value: new Proxy(holder[name] as object, handler),
    writable: true,
    configurable: true,
    enumerable: false,
  })
}

/** Type of any class, including classes whose constructor tenant code may not call. */
type AnyClass = { readonly prototype: object }

/**
 * Number of required arguments by member of a web interface, `constructor` among them, if the standard's
 * `length` differs from the function's own.
 */
export type Lengths = Readonly<Record<string, number>>
/** Constants of a web interface, defined on the class and on its prototype. */
export type Constants = Readonly<Record<string, number>>

/**
 * Completes the class of a web interface as Web IDL has it: public name, `Symbol.toStringTag`, and enumerable
 * members, static ones included. The name is set because bundlers rename classes that shadow globals, and
 * minifiers rename all.
 */
export function finishInterface(
  name: string,
  Class: AnyClass,
  lengths?: Lengths,
  constants?: Constants,
): void {
  defineProperty(Class, 'name', { value: name, configurable: true })
  const { prototype } = Class
  // An interface's members are defined one by one: V8 takes longer for `defineProperties`, and for a loop
  // over an iterator.
  const members = getOwnPropertyNames(prototype)
  for (let index = 0; index < members.length; index++) {
    const member = members[index] as string
    if (member !== 'constructor') defineProperty(prototype, member, ENUMERABLE)
  }
  const statics = getOwnPropertyNames(Class)
  for (let index = 0; index < statics.length; index++) {
    const member = statics[index] as string
    if (member !== 'length' && member !== 'name' && member !== 'prototype')
      defineProperty(Class, member, ENUMERABLE)
  }
  for (const key in lengths) {
    const holder = hasOwn(Class, key) ? Class : prototype
    defineProperty(holder[key as keyof object], 'length', { value: lengths[key], configurable: true })
  }
  for (const key in constants) {
    const constant = { value: constants[key], writable: false, enumerable: true, configurable: false }
    defineProperty(Class, key, constant)
    defineProperty(prototype, key, constant)
  }
  defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true })
}

const ENUMERABLE = { enumerable: true }

/**
 * Web interfaces that have not been used yet, and the function that completes each. Completing all of them
 * would define some three hundred members per isolate in unoptimised code, and V8 copies a class's whole
 * member list for each.
 */
const unfinished = new Map<unknown, () => void>()

/** Optional arguments of {@link defineInterface}, which defines a web interface on the global. */
export interface InterfaceParts {
  lengths?: Lengths | undefined
  constants?: Constants | undefined
  /**
   * Another web interface, which is completed together with this one because its objects are created by
   * objects of this one.
   */
  brings?: AnyClass | undefined
}

/**
 * Defines an interface on the global and completes it when the global is first used. If its objects can exist
 * before that, their constructor calls {@link finish}.
 */
export function defineInterface(
  name: string,
  Class: AnyClass,
  { lengths, constants, brings }: InterfaceParts = {},
): void {
  unfinished.set(Class, () => finishInterface(name, Class, lengths, constants))
  defineLate(name, () => {
    finish(Class)
    if (brings !== undefined) finish(brings)
    return Class
  })
}

/** Completes a web interface, and those that it extends, before its first object is visible. */
export function finish(Class: AnyClass): void {
  const work = unfinished.get(Class)
  if (work === undefined) return
  unfinished.delete(Class)
  finish(getPrototypeOf(Class) as AnyClass)
  work()
}

/**
 * Removes a base class that is not a web interface from an interface's prototype chain; the base's members
 * become the interface's own.
 */
export function absorbBase(Class: AnyClass, Base: AnyClass): void {
  const { constructor: _own, ...members } = Object.getOwnPropertyDescriptors(Base.prototype)
  Object.defineProperties(Class.prototype, members)
  Object.setPrototypeOf(Class.prototype, Object.prototype)
}
