// node:vm is imported by its default export, because its `SourceTextModule` exists only under a flag.
import vm, { type Context } from 'node:vm'
import type ivm from 'isolated-vm'
import type { IsolateFactory } from './engine.ts'
import type { Sources } from './isolate-factory.ts'

type Callback = (...args: unknown[]) => unknown

/**
 * Runs the guest in a vm context of this process, for development only, so that Node's own inspector sees it.
 * The inspector of isolated-vm 7.0.1 ends the process on Node 26, where V8 wants it on one thread. The web
 * API and the bridge are those of an isolate; there are no limits, and no wall between the app and this
 * process. Needs `node --experimental-vm-modules`, and a process that listens for `unhandledRejection`.
 */
export class VmIsolateFactory implements IsolateFactory {
  #sources: Sources

  constructor(sources: Sources) {
    this.#sources = sources
  }

  async createIsolate(): Promise<{ isolate: ivm.Isolate; context: ivm.Context }> {
    const global = vm.createContext({}, { name: 'app' })
    new vm.Script(`'use strict';${this.#sources.webApi}`, { filename: 'unmoor:web-api' }).runInContext(global)
    const isolate = new VmIsolate()
    // The stand-ins for an isolate and its context have only the part of isolated-vm that `Engine` uses, and
    // nothing else receives them.
    return { isolate, context: new VmContext(global, isolate) } as unknown as {
      isolate: ivm.Isolate
      context: ivm.Context
    }
  }

  async runApp(_isolate: ivm.Isolate, context: ivm.Context): Promise<number> {
    const { global } = context as unknown as VmContext
    const module = new vm.SourceTextModule(this.#sources.app, { context: global, identifier: 'app.js' })
    await module.link((specifier) => {
      throw new Error(`The app imports ${specifier}, which is not in its bundle.`)
    })
    await module.evaluate().catch((error: unknown) => {
      // An error of the app belongs to another realm, so `instanceof Error` is false for it.
      throw Object.assign(new Error(String(error)), { stack: stackOf(error) })
    })
    return 0
  }
}

/**
 * Returns the log's text for a rejection that nobody in the app handled, in the same words as for an isolate.
 */
export function rejectionText(error: unknown): string {
  return `Unhandled rejection: ${stackOf(error)}`
}

/** Stand-in for the module isolated-vm while the app is debugged. */
export const vmModule = {
  Callback: class {
    readonly run: Callback
    readonly ignored: boolean
    constructor(run: Callback, { ignored = false }: { ignored?: boolean } = {}) {
      this.run = run
      this.ignored = ignored
    }
  },
} as unknown as typeof ivm

class VmIsolate {
  isDisposed = false
  readonly cpuTime = 0n
  dispose(): void {
    this.isDisposed = true
  }
  async getHeapStatistics(): Promise<{ total_heap_size: number; externally_allocated_size: number }> {
    return { total_heap_size: 0, externally_allocated_size: 0 }
  }
}

// Copies data into the realm of the vm context, as crossing into an isolate does, because the guest checks
// for classes of its own realm.
const COPY = `(function copy(value) {
  if (typeof value !== 'object' || value === null) return value
  const tag = Object.prototype.toString.call(value).slice(8, -1)
  if (tag === 'Array') return Array.from(value, copy)
  if (tag === 'Uint8Array') return new Uint8Array(value)
  if (tag === 'ArrayBuffer') return new Uint8Array(new Uint8Array(value)).buffer
  if (tag === 'Date') return new Date(Number(value))
  if (tag === 'Map') return new Map(Array.from(value, copy))
  if (tag === 'Set') return new Set(Array.from(value, copy))
  const object = {}
  const flags = { writable: true, enumerable: true, configurable: true }
  for (const key of Object.keys(value))
    Object.defineProperty(object, key, { value: copy(value[key]), ...flags })
  return object
})`

class VmContext {
  readonly global: Context
  #isolate: VmIsolate
  #copy: <T>(value: T) => T

  constructor(global: Context, isolate: VmIsolate) {
    this.global = global
    this.#isolate = isolate
    this.#copy = vm.runInContext(COPY, global) as <T>(value: T) => T
  }

  evalClosureSync(code: string, callbacks: readonly { run: Callback; ignored: boolean }[]): object {
    const parameters = callbacks.map((_callback, index) => `$${index}`).join(', ')
    const create = vm.runInContext(`(function (${parameters}) { ${code}\n})`, this.global, {
      filename: 'unmoor:connect',
    }) as Callback
    const enter = create(...callbacks.map((callback) => this.#toGuest(callback))) as Callback
    return {
      apply: async (_self: unknown, args: readonly unknown[]) => {
        if (this.#isolate.isDisposed) throw new Error('Isolate is disposed')
        enter(...this.#copy(args))
        // An entry into the debugged app's vm context ends when its microtasks have run, which a setImmediate
        // awaits.
        await new Promise((resolve) => setImmediate(resolve))
      },
    }
  }

  #toGuest({ run, ignored }: { run: Callback; ignored: boolean }): Callback {
    if (!ignored) return (...args) => this.#copy(run(...structuredClone(args)))
    return (...args) => {
      const copies = structuredClone(args)
      queueMicrotask(() => run(...copies))
    }
  }

  release(): void {}
}

function stackOf(error: unknown): string {
  const { stack } = (typeof error === 'object' && error !== null ? error : {}) as { stack?: unknown }
  return typeof stack === 'string' ? stack : String(error)
}
