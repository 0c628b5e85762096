/**
 * `node:async_hooks` in an isolate: AsyncLocalStorage and AsyncResource. `async-context.ts` propagates the
 * context.
 */
import { currentFrame, runIn, setFrame } from './async-context.ts'

type AnyFunction = (...args: never[]) => unknown

function fail(Class: ErrorConstructor, code: string, message: string): never {
  throw Object.assign(new Class(message), { code })
}
function needFunction(value: unknown): asserts value is AnyFunction {
  if (typeof value !== 'function')
    fail(TypeError, 'ERR_INVALID_ARG_TYPE', 'The "fn" argument must be of type function.')
}

let nextId = 1

/**
 * `AsyncResource` of node:async_hooks: runs functions in the async context in which the resource was created.
 */
export class AsyncResource {
  #frame = currentFrame()
  #id = ++nextId
  #trigger: number
  readonly type: string

  constructor(
    type: string,
    options: number | { triggerAsyncId?: number; requireManualDestroy?: boolean } = {},
  ) {
    if (typeof type !== 'string')
      fail(TypeError, 'ERR_INVALID_ARG_TYPE', 'The "type" argument must be of type string.')
    const trigger = typeof options === 'number' ? options : (options.triggerAsyncId ?? 1)
    if (!Number.isSafeInteger(trigger) || trigger < -1)
      fail(RangeError, 'ERR_INVALID_ASYNC_ID', `Invalid triggerAsyncId value: ${trigger}`)
    this.#trigger = trigger
    this.type = type
  }

  static bind<F extends AnyFunction>(callback: F, type?: string, self?: unknown): F {
    needFunction(callback)
    return new AsyncResource(type || callback.name || 'bound-anonymous-fn').bind(callback, self)
  }

  runInAsyncScope<R>(callback: (...args: never[]) => R, self?: unknown, ...args: unknown[]): R {
    return runIn(this.#frame, () => Reflect.apply(callback, self, args))
  }

  /**
   * Binds `callback` to the AsyncResource's async context. Its `this` is `self` if given, else the caller's.
   */
  bind<F extends AnyFunction>(callback: F, self?: unknown): F {
    needFunction(callback)
    const run = (on: unknown, args: unknown[]): unknown => this.runInAsyncScope(callback, on, ...args)
    const bound = function (this: unknown, ...args: unknown[]): unknown {
      return run(self === undefined ? this : self, args)
    }
    Object.defineProperty(bound, 'length', { value: callback.length, configurable: true })
    return bound as AnyFunction as F
  }

  emitDestroy(): this {
    return this
  }
  asyncId(): number {
    return this.#id
  }
  triggerAsyncId(): number {
    return this.#trigger
  }
}

/** `AsyncLocalStorage` of node:async_hooks: a value carried along one chain of asynchronous calls. */
export class AsyncLocalStorage<T> {
  #default: T | undefined
  #name: string

  constructor(options: { defaultValue?: T; name?: string } = {}) {
    if (typeof options !== 'object' || options === null)
      fail(TypeError, 'ERR_INVALID_ARG_TYPE', 'The "options" argument must be of type object.')
    this.#default = options.defaultValue
    this.#name = options.name === undefined ? '' : `${options.name}`
  }

  get name(): string {
    return this.#name
  }

  static bind<F extends AnyFunction>(callback: F): F {
    return AsyncResource.bind(callback)
  }
  static snapshot(): <R>(callback: (...args: never[]) => R, ...args: unknown[]) => R {
    return AsyncResource.bind(((callback: AnyFunction, ...args: never[]) => callback(...args)) as never)
  }

  // `AsyncLocalStorage.run` restores only this storage's previous value; values that the callback entered in
  // other storages stay, as on Node.
  run<R>(store: T, callback: (...args: never[]) => R, ...args: unknown[]): R {
    const before = this.getStore()
    if (Object.is(before, store)) return Reflect.apply(callback, null, args)
    this.enterWith(store)
    try {
      return Reflect.apply(callback, null, args)
    } finally {
      this.enterWith(before as T)
    }
  }
  exit<R>(callback: (...args: never[]) => R, ...args: unknown[]): R {
    return this.run(undefined as T, callback, ...args)
  }
  getStore(): T | undefined {
    const frame = currentFrame()
    return frame.has(this) ? (frame.get(this) as T) : this.#default
  }
  enterWith(store: T): void {
    setFrame(new Map(currentFrame()).set(this, store))
  }
  /** Sets the AsyncLocalStorage's value to `store` until the returned scope is disposed of. */
  withScope(store: T): Disposable & { dispose(): void } {
    const before = this.getStore()
    this.enterWith(store)
    let isOver = false
    const dispose = (): void => {
      if (isOver) return
      isOver = true
      this.enterWith(before as T)
    }
    return { dispose, [Symbol.dispose]: dispose }
  }
  disable(): void {
    currentFrame().delete(this)
  }
}

/**
 * Creates a hook whose `enable` throws: an isolate has no async resources of Node that a hook could follow.
 */
export function createHook(): { enable(): never; disable(): object } {
  const hook = {
    enable: (): never =>
      fail(
        Error,
        'ERR_FEATURE_UNAVAILABLE',
        'async_hooks.createHook() sees nothing in an isolate: follow a context with AsyncLocalStorage.',
      ),
    disable: () => hook,
  }
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
export const asyncWrapProviders = Object.freeze({ __proto__: null, NONE: 0 })

const hooks = {
  AsyncLocalStorage,
  AsyncResource,
  asyncWrapProviders,
  createHook,
  executionAsyncId,
  triggerAsyncId,
  executionAsyncResource,
}
export default hooks
export { hooks as 'module.exports' }
