/**
 * Passes arguments and results of calls between a Worker's own entrypoints and objects; references become
 * stubs, as on workerd.
 */
import { remoteMethod, RpcTarget } from './rpc-target.ts'
import { deserialize, serialize } from './structured.ts'

/**
 * Converts a value for the other side of an in-process call between entrypoints: data is copied. Functions
 * and RpcTargets, also within data, become stubs; streams, requests and responses are passed as they are.
 */
export function passValue(value: unknown): unknown {
  if (typeof value !== 'object' && typeof value !== 'function') return value
  if (isReference(value)) return toStub(value)
  const kept: unknown[] = []
  const text = serialize(value, (item) => (isReference(item) ? kept.push(toStub(item)) - 1 : undefined))
  return deserialize(text, kept)
}

/** Converts the result of a call between entrypoints, like {@link passValue}, and makes it disposable. */
export function passResult(value: unknown): unknown {
  const passed = passValue(value)
  if (typeof passed === 'object' && passed !== null && !(Symbol.dispose in passed) && !isReference(passed))
    Object.defineProperty(passed, Symbol.dispose, { value: () => {}, configurable: true })
  return passed
}

/**
 * Awaits the result of a call between entrypoints. An error from the other side is marked `remote: true`,
 * which callers check.
 */
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
/**
 * Number of live RPC stubs of one function or RpcTarget; disposing of the last one disposes of the target.
 */
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
      // An RPC stub has no `then`, so that awaiting it returns the stub itself.
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

/** Returns the methods of an RPC stub itself: dup() and dispose. */
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

/**
 * Wraps the promise of an RPC call so that properties and methods of its result can be used before it
 * resolves, as with workerd's calls.
 */
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
 * Represents a property of a remote object: awaiting it reads the property, calling it calls the method, and
 * its own properties are available too.
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
