/**
 * Async context for `node:async_hooks` in an isolate: the values that a chain of asynchronous calls carries.
 *
 * V8 keeps a value per continuation for its embedder, but isolated-vm does not expose it, and `await` in
 * native async functions calls no JavaScript that could be patched. So, in apps that import this module, the
 * build lowers async functions to generators, and everything that V8 runs later for an app's code goes
 * through JavaScript. Reactions go through `Promise.prototype.then`. Jobs that call a thenable's own `then`
 * go through whatever resolves promises: the constructor's resolving functions, the values returned by
 * `then`'s callbacks, and `Promise.resolve`, which uses the constructor. Callbacks that the web API calls
 * later are wrapped by its {@link ContextKeeper}.
 */
import { link } from '../link.ts'

/**
 * Values of all AsyncLocalStorages in one async context. Only `disable` changes such a frame; everything else
 * creates a new frame.
 */
export type Frame = Map<object, unknown>
type AnyFunction = (...args: never[]) => unknown
type Settle = (value?: unknown) => void

const EMPTY: Frame = new Map()
let current = EMPTY

export function currentFrame(): Frame {
  return current
}
export function setFrame(frame: Frame): void {
  current = frame
}

/** Runs `work` in the async context `frame`, then restores the previous context, also after `enterWith`. */
export function runIn<T>(frame: Frame, work: () => T): T {
  const before = current
  current = frame
  try {
    return work()
  } finally {
    current = before
  }
}

const { apply, construct } = Reflect
const NativePromise = Promise
const { then: nativeThen } = NativePromise.prototype
const nativeResolve = NativePromise.resolve

function keep<F extends AnyFunction>(callback: F): F {
  const frame = current
  const kept = function (this: unknown, ...args: unknown[]): unknown {
    const before = current
    current = frame
    try {
      return apply(callback, this, args)
    } finally {
      current = before
    }
  }
  return kept as AnyFunction as F
}

/** Wraps a promise reaction to run in the current context. What the reaction returns resolves a promise. */
function keepReaction(callback: unknown): unknown {
  if (typeof callback !== 'function') return callback
  const frame = current
  return (value: unknown): unknown => {
    const before = current
    current = frame
    try {
      return adopt(apply(callback, undefined, [value]))
    } finally {
      current = before
    }
  }
}

/**
 * Returns what to resolve a promise with in place of `value`. A thenable is wrapped, so that its `then`,
 * which V8 calls in a job of its own, runs in the current context.
 */
function adopt(value: unknown): unknown {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return value
  const { then } = value as { then?: unknown }
  // A thenable whose `then` is the patched `Promise.prototype.then` is not wrapped: V8's own job calls that
  // `then`, which runs none of the app's code.
  if (typeof then !== 'function' || then === keepingThen) return value
  const frame = current
  return {
    // oxlint-disable-next-line unicorn/no-thenable -- it stands for a thenable
    then: (resolve: Settle, reject: Settle): unknown =>
      runIn(frame, () => apply(then, value, resolvers(resolve, reject))),
  }
}

/** Wraps a promise's resolving functions so that values pass through `adopt`. */
function resolvers(resolve: Settle, reject: Settle): [Settle, Settle] {
  let isSettled = false
  return [
    (value) => {
      if (isSettled) return
      isSettled = true
      let adopted: unknown
      try {
        adopted = adopt(value)
      } catch (error) {
        reject(error)
        return
      }
      resolve(adopted)
    },
    (reason) => {
      if (isSettled) return
      isSettled = true
      reject(reason)
    },
  ]
}

const keepingThen = function (this: Promise<unknown>, onFulfilled?: unknown, onRejected?: unknown): unknown {
  return apply(nativeThen, this, [keepReaction(onFulfilled), keepReaction(onRejected)])
}

/** Replaces `Promise` by a proxy, which looks like the built-in and which subclasses go through too. */
const KeepingPromise: PromiseConstructor = new Proxy(NativePromise, {
  construct(target, args, newTarget) {
    const executor: unknown = args[0]
    const wrapped =
      typeof executor === 'function'
        ? (resolve: Settle, reject: Settle): unknown => apply(executor, undefined, resolvers(resolve, reject))
        : executor
    return newTarget === KeepingPromise
      ? new target(wrapped as never)
      : (construct(target, [wrapped], newTarget) as object)
  },
})

/** Returns the species constructor for promises derived from `promise`, as ECMAScript specifies it. */
function speciesOf(promise: object): typeof Promise {
  const { constructor } = promise as { constructor?: { [Symbol.species]?: unknown } | undefined }
  if (constructor === KeepingPromise || constructor === undefined) return KeepingPromise
  return (constructor[Symbol.species] ?? KeepingPromise) as typeof Promise
}

// `Promise.prototype.finally` is reimplemented: the built-in would resolve promises with the callback's
// result without calling any patched function.
const keepingFinally = function (this: Promise<unknown>, onFinally?: unknown): unknown {
  if (typeof onFinally !== 'function') return this.then(onFinally as never, onFinally as never)
  const Class = speciesOf(this)
  const waited = (then: () => unknown): unknown =>
    apply<typeof Promise, [unknown], Promise<unknown>>(nativeResolve, Class, [
      apply(onFinally, undefined, []),
    ]).then(then)
  return this.then(
    (value: unknown) => waited(() => value),
    (reason: unknown) =>
      waited(() => {
        throw reason
      }),
  )
}

const nativeFromAsync = Array.fromAsync

// `Array.fromAsync` is reimplemented, so that the build lowers its async functions to generators.
async function arrayOf(
  items: AsyncIterable<unknown> | Iterable<unknown> | ArrayLike<unknown>,
  map: ((item: unknown, index: number) => unknown) | undefined,
  self: unknown,
): Promise<unknown[]> {
  const list: unknown[] = []
  const add = async (item: unknown): Promise<void> => {
    list.push(map === undefined ? item : await apply(map, self, [item, list.length]))
  }
  if (Symbol.asyncIterator in items || Symbol.iterator in items)
    for await (const item of items) await (map === undefined ? list.push(item) : add(item))
  else for (let index = 0; index < items.length; index++) await add(await items[index])
  return list
}
const keepingFromAsync = function (this: unknown, items: unknown, map?: unknown, self?: unknown): unknown {
  const isUsual = this === Array && typeof items === 'object' && items !== null
  return isUsual && (map === undefined || typeof map === 'function')
    ? arrayOf(items as never, map as never, self)
    : apply(nativeFromAsync, this, [items, map, self] as never)
}

/** Replaces a built-in of JavaScript by a value that has the same name, length and property flags. */
function replace(holder: object, name: string, value: unknown, length?: number): void {
  if (length !== undefined) {
    Object.defineProperty(value, 'name', { value: name, configurable: true })
    Object.defineProperty(value, 'length', { value: length, configurable: true })
  }
  Object.defineProperty(holder, name, { value, writable: true, configurable: true, enumerable: false })
}

replace(NativePromise.prototype, 'then', keepingThen, 2)
replace(NativePromise.prototype, 'finally', keepingFinally, 1)
replace(NativePromise.prototype, 'constructor', KeepingPromise)
replace(Array, 'fromAsync', keepingFromAsync, 1)
replace(globalThis, 'Promise', KeepingPromise)
// A promise derived from another is made by the native class and not by the proxy, because a wrapped reaction
// resolves it.
Object.defineProperty(NativePromise, Symbol.species, {
  get(this: unknown) {
    return this === KeepingPromise ? NativePromise : this
  },
  configurable: true,
})

link.setContextKeeper({
  mark: 'unmoor:async-context',
  keep,
  leave() {
    current = EMPTY
  },
})
