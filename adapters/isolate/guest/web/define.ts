// As they were before any tenant's code: much of this runs after it began.
const { defineProperty, getOwnPropertyDescriptor, getOwnPropertyNames, getPrototypeOf, hasOwn } = Object
const reflectApply = Reflect.apply

/**
 * Puts a class, function or object on the global as the Web IDL does: writable, configurable, not enumerable.
 */
export function defineGlobal(name: string, value: unknown): void {
  defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
}

/** What makes the globals that nobody has asked for yet. */
const late: Record<string, () => unknown> = { __proto__: null as never }

/**
 * The same for what is made when somebody asks for it. Until then it is an accessor, which {@link hideLate}
 * shows to nobody.
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

/** Makes a late global, where it is one still. */
function makeLate(name: unknown): void {
  const get = typeof name === 'string' ? late[name] : undefined
  if (get !== undefined && getOwnPropertyDescriptor(globalThis, name as string)?.get === get) get()
}

/**
 * Whoever asks for the descriptor of a late global has asked for the global, as with V8's own lazy data
 * properties, which only an embedder in C++ can define. Proxies of the built-ins keep their names and what
 * they look like as text.
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

/** Any class; some have constructors that tenants may not call. */
type AnyClass = { readonly prototype: object }

/**
 * Numbers of required arguments by member, `constructor` among them, where a function's own `length` says
 * something else.
 */
export type Lengths = Readonly<Record<string, number>>
/** Constants of an interface, on the class and on its prototype. */
export type Constants = Readonly<Record<string, number>>

/**
 * Gives a class its public name and `Symbol.toStringTag`: bundlers rename classes that shadow globals, and
 * minifiers rename all. Members, static ones too, become enumerable, as Web IDL has them.
 */
export function finishInterface(
  name: string,
  Class: AnyClass,
  lengths?: Lengths,
  constants?: Constants,
): void {
  defineProperty(Class, 'name', { value: name, configurable: true })
  const { prototype } = Class
  // One by one: V8 takes longer for all at once, and for a loop over an iterator.
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
 * Interfaces that nobody has seen yet, and what finishes them. Each isolate would do it for some three
 * hundred members, in code that is not optimised yet; V8 copies the whole list of a class's members for each.
 */
const unfinished = new Map<unknown, () => void>()

/** What {@link defineInterface} takes besides the class. */
export interface InterfaceParts {
  lengths?: Lengths | undefined
  constants?: Constants | undefined
  /** Whose objects come with this one's. */
  brings?: AnyClass | undefined
}

/**
 * Puts an interface on the global and finishes it when somebody asks for it there. Where objects of it come
 * to be without that, their constructor calls {@link finish}.
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

/** Finishes an interface, and those that it extends, before the first object of it is seen. */
export function finish(Class: AnyClass): void {
  const work = unfinished.get(Class)
  if (work === undefined) return
  unfinished.delete(Class)
  finish(getPrototypeOf(Class) as AnyClass)
  work()
}

/**
 * Takes a base that is no interface of its own out of an interface's prototype chain: its members become the
 * interface's.
 */
export function absorbBase(Class: AnyClass, Base: AnyClass): void {
  const { constructor: _own, ...members } = Object.getOwnPropertyDescriptors(Base.prototype)
  Object.defineProperties(Class.prototype, members)
  Object.setPrototypeOf(Class.prototype, Object.prototype)
}
