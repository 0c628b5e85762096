/**
 * `node:async_hooks` in an isolate: AsyncLocalStorage and AsyncResource.
 *
 * V8 keeps a value per continuation for its embedder, but isolated-vm offers no way to it, and `await` in
 * native async functions calls no JavaScript that could be patched. So the build lowers async functions to
 * generators in apps that import this module; then every continuation goes through `Promise.prototype.then`,
 * which this module patches, once, to keep the context. Callbacks of timers and microtasks keep theirs in the
 * same way.
 */

/** Told apart in a bundle by the build (`adapters/isolate/build/build.ts`). */
const MARK = 'unmoor:async-context'

/** The values of all storages; replaced, never changed. */
type Frame = ReadonlyMap<object, unknown>
const EMPTY: Frame = new Map()
let current: Frame = EMPTY

function runIn<T>(frame: Frame, work: () => T): T {
  const before = current
  current = frame
  try {
    return work()
  } finally {
    current = before
  }
}

type AnyFunction = (...args: never[]) => unknown
function keep(callback: unknown): unknown {
  if (typeof callback !== 'function') return callback
  const frame = current
  return function (this: unknown, ...args: unknown[]): unknown {
    return runIn(frame, () => Reflect.apply(callback, this, args))
  }
}

const { then: nativeThen } = Promise.prototype
const keepingThen = function (this: Promise<unknown>, onFulfilled?: unknown, onRejected?: unknown): unknown {
  return Reflect.apply(nativeThen, this, [keep(onFulfilled), keep(onRejected)])
}
Object.defineProperty(keepingThen, 'name', { value: 'then' })
Object.defineProperty(keepingThen, 'unmoor', { value: MARK })
// oxlint-disable-next-line eslint/no-extend-native, unicorn/no-thenable -- lowered code's continuations go through it
void Object.defineProperty(Promise.prototype, 'then', {
  value: keepingThen,
  writable: true,
  configurable: true,
})

for (const name of ['setTimeout', 'setInterval', 'queueMicrotask'] as const) {
  const original = globalThis[name] as AnyFunction
  const kept = {
    [name]: (callback: unknown, ...rest: unknown[]): unknown =>
      Reflect.apply(original, globalThis, [keep(callback), ...rest]),
  }[name]
  Object.defineProperty(globalThis, name, {
    value: kept,
    writable: true,
    configurable: true,
    enumerable: true,
  })
}

/** A value per chain of asynchronous calls. */
export class AsyncLocalStorage<T> {
  #default: T | undefined
  readonly name: string

  constructor(options: { defaultValue?: T; name?: string } = {}) {
    this.#default = options.defaultValue
    this.name = options.name ?? ''
  }

  static bind<F extends AnyFunction>(callback: F): F {
    return keep(callback) as F
  }
  static snapshot(): <R>(callback: (...args: never[]) => R, ...args: unknown[]) => R {
    const frame = current
    return (callback, ...args) => runIn(frame, () => Reflect.apply(callback, undefined, args))
  }

  run<R>(store: T, callback: (...args: never[]) => R, ...args: unknown[]): R {
    return runIn(new Map(current).set(this, store), () => Reflect.apply(callback, undefined, args))
  }
  exit<R>(callback: (...args: never[]) => R, ...args: unknown[]): R {
    return runIn(this.#without(), () => Reflect.apply(callback, undefined, args))
  }
  getStore(): T | undefined {
    return current.has(this) ? (current.get(this) as T) : this.#default
  }
  enterWith(store: T): void {
    current = new Map(current).set(this, store)
  }
  disable(): void {
    current = this.#without()
  }
  #without(): Frame {
    const frame = new Map(current)
    frame.delete(this)
    return frame
  }
}

let nextId = 1

/** Runs functions in the context that it was made in. */
export class AsyncResource {
  #frame = current
  #id = ++nextId
  readonly type: string

  constructor(type: string) {
    if (typeof type !== 'string') throw new TypeError('AsyncResource takes a type')
    this.type = type
  }
  static bind<F extends AnyFunction>(callback: F, _type?: string, self?: unknown): F {
    const kept = keep(callback) as AnyFunction
    return (self === undefined ? kept : kept.bind(self as never)) as F
  }
  runInAsyncScope<R>(callback: (...args: never[]) => R, self?: unknown, ...args: unknown[]): R {
    return runIn(this.#frame, () => Reflect.apply(callback, self, args))
  }
  bind<F extends AnyFunction>(callback: F): F {
    const run = (...args: unknown[]): unknown => this.runInAsyncScope(callback, undefined, ...args)
    return run as AnyFunction as F
  }
  emitDestroy(): this {
    return this
  }
  asyncId(): number {
    return this.#id
  }
  triggerAsyncId(): number {
    return 1
  }
}

/** Hooks see nothing here: there are no resources of Node's to follow. */
export function createHook(): { enable(): object; disable(): object } {
  const hook = { enable: () => hook, disable: () => hook }
  return hook
}
export function executionAsyncId(): number {
  return 1
}
export function triggerAsyncId(): number {
  return 0
}
export function executionAsyncResource(): object {
  return {}
}

const hooks = {
  AsyncLocalStorage,
  AsyncResource,
  createHook,
  executionAsyncId,
  triggerAsyncId,
  executionAsyncResource,
}
export default hooks
export { hooks as 'module.exports' }
