/** What calls between a Worker's own entrypoints and objects hand over by reference: stubs, as on workerd. */
import { remoteMethod, RpcTarget } from './rpc-target.ts'
import { deserialize, serialize } from './structured.ts'

/**
 * A value as the other side of a call in the same process gets it: a copy of data. Functions and targets,
 * also within data, become stubs; streams, requests and responses are handed over as they are.
 */
export function passValue(value: unknown): unknown {
  if (typeof value !== 'object' && typeof value !== 'function') return value
  if (isReference(value)) return toStub(value)
  const kept: unknown[] = []
  const text = serialize(value, (item) => (isReference(item) ? kept.push(toStub(item)) - 1 : undefined))
  return deserialize(text, kept)
}

/** As {@link passValue}; a result can be disposed of, with all stubs within it. */
export function passResult(value: unknown): unknown {
  const passed = passValue(value)
  if (typeof passed === 'object' && passed !== null && !(Symbol.dispose in passed) && !isReference(passed))
    Object.defineProperty(passed, Symbol.dispose, { value: () => {}, configurable: true })
  return passed
}

/** The result of a call; an error that comes from the other side says so, as callers go by that. */
export async function remote<T>(result: Promise<T>): Promise<T> {
  try {
    return await result
  } catch (error) {
    if (error instanceof Error && Object.isExtensible(error)) Object.assign(error, { remote: true })
    throw error
  }
}

function isReference(value: unknown): boolean {
  return (
    typeof value === 'function' ||
    value instanceof RpcTarget ||
    value instanceof Request ||
    value instanceof Response ||
    value instanceof ReadableStream ||
    value instanceof WritableStream ||
    value instanceof Headers
  )
}

const stubs = new WeakSet<object>()

function toStub(value: unknown): unknown {
  if (typeof value === 'function') return stubs.has(value) ? value : functionStub(value as Callable)
  if (value instanceof RpcTarget) return stubs.has(value) ? value : targetStub(value, { users: 0 })
  return value
}

type Callable = (...args: unknown[]) => unknown
/** How many stubs there are of one target: the last that is disposed of disposes of the target. */
interface Users {
  users: number
}

function targetStub(target: RpcTarget, shared: Users): object {
  const read = async (name: string): Promise<unknown> => passResult(await remoteMethod(target, name))
  const call = async (name: string, args: readonly unknown[]): Promise<unknown> => {
    const method = remoteMethod(target, name)
    if (typeof method !== 'function') throw new TypeError(`"${name}" is not a function.`)
    return passResult(await (method as Callable)(...args.map(passValue)))
  }
  const known = lifeOf(target, shared, () => targetStub(target, shared))
  const stub = new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(known, name)) return Reflect.get(known, name)
      // A stub is no promise, however often it is awaited.
      if (typeof name === 'symbol' || name === 'then') return undefined
      return member(
        () => remote(read(name)),
        (args) => remote(call(name, args)),
      )
    },
    has: (_, name) => Object.hasOwn(known, name),
  })
  stubs.add(stub)
  return stub
}

function functionStub(target: Callable, shared: Users = { users: 0 }): object {
  const call = async (args: readonly unknown[]): Promise<unknown> =>
    passResult(await target(...args.map(passValue)))
  const known = lifeOf(target, shared, () => functionStub(target, shared))
  const stub = Object.assign((...args: unknown[]) => pipelined(remote(call(args))), known)
  stubs.add(stub)
  return stub
}

/** The methods of a stub itself. */
function lifeOf(target: object, shared: Users, dup: () => object): Record<PropertyKey, unknown> {
  shared.users++
  let isLive = true
  return {
    dup,
    [Symbol.dispose]() {
      if (!isLive) return
      isLive = false
      if (--shared.users === 0) (target as Partial<Disposable>)[Symbol.dispose]?.()
    },
  }
}

const OF_PROMISES: ReadonlySet<PropertyKey> = new Set(['then', 'catch', 'finally'])

/** A promise whose properties and methods can be used before it is there, as workerd's calls return it. */
export function pipelined(promise: Promise<unknown>): Promise<unknown> {
  return new Proxy(promise, {
    get(target, name) {
      if (OF_PROMISES.has(name)) return bound(target, name)
      if (name === Symbol.dispose) return () => {}
      return typeof name === 'symbol' ? (Reflect.get(target, name) as unknown) : step(() => target, name)
    },
  })
}

/**
 * A property of a callee: awaited it is read, called it is a method, and its own properties are there too.
 */
export function member(
  read: () => Promise<unknown>,
  call: (args: readonly unknown[]) => Promise<unknown>,
): unknown {
  return new Proxy((...args: unknown[]) => pipelined(call(args)), {
    get(target, name) {
      if (OF_PROMISES.has(name)) return bound(read(), name)
      return typeof name === 'symbol' ? (Reflect.get(target, name) as unknown) : step(read, name)
    },
  })
}

function step(read: () => Promise<unknown>, name: string): unknown {
  const holder = async (): Promise<Record<string, unknown>> => {
    const value = await read()
    if (typeof value !== 'object' && typeof value !== 'function')
      throw new TypeError(`"${name}" is asked of a ${typeof value}, which has no such property.`)
    return value as Record<string, unknown>
  }
  return member(
    async () => (await holder())[name],
    async (args) => {
      const owner = await holder()
      if (typeof owner[name] !== 'function') throw new TypeError(`"${name}" is not a function.`)
      return (owner[name] as Callable)(...args)
    },
  )
}

function bound(promise: Promise<unknown>, name: PropertyKey): unknown {
  return (Reflect.get(promise, name) as Callable).bind(promise)
}
