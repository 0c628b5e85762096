import type { Held } from './budget.ts'
import type { KnownModule, Taken } from './wasm-modules.ts'
import type { Primordials } from './primordials.ts'
import type { GuardParts } from './wasm-guard.ts'

/**
 * Replaces `WebAssembly.Instance`, so that the size to which an instance may grow is reserved.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestWasmInstances(primordials: Primordials, parts: GuardParts): void {
  const { construct, free, getter, get, put, WeakMap, RangeError, TypeError } = primordials
  const { memory, tables, modules, known, held, usedOf, resolve, hit, replace } = parts
  const { Instance } = WebAssembly
  const exportsOf = getter<Record<string, object>>(Instance.prototype, 'exports')
  const describe = free<WebAssembly.ModuleExportDescriptor[]>(WebAssembly.Module, 'exports')
  /** WebAssembly modules by instance, so that a module's reservation lasts as long as its instances. */
  const modulesOf = new WeakMap<object, object>()

  /**
   * Ties memory reservations to the life of a WebAssembly instance and of the memories and tables that it
   * exports.
   */
  const follow = (instance: object, module: WebAssembly.Module, taken: Taken): void => {
    const all = describe(undefined, module)
    put(modulesOf, instance, module)
    memory.hold(taken.memory, instance)
    tables.hold(taken.tables, instance)
    for (let index = 0; index < all.length; index++) {
      const { kind, name } = all[index] as WebAssembly.ModuleExportDescriptor
      if (kind !== 'memory' && kind !== 'table') continue
      const object = exportsOf(instance)[name] as object
      // An exported WebAssembly memory or table that was imported already has its own reservation.
      if (get(held, object) !== undefined) continue
      put(held, object, {
        entry: taken[kind === 'memory' ? 'memory' : 'tables'],
        kind,
        size: 0,
        most: 0,
        isOpen: true,
      } satisfies Held)
      memory.hold(taken.memory, object)
      tables.hold(taken.tables, object)
    }
  }
  const outOfMemory = (): never => {
    hit()
    throw new RangeError('WebAssembly.Instance(): Out of memory: beyond what is left of memoryMb')
  }
  replace(WebAssembly, 'Instance', {
    construct(target: typeof Instance, args: { 0: WebAssembly.Module; 1?: unknown }, newTarget: Function) {
      const module = args[0]
      const record = get(known, module) as KnownModule | undefined
      if (record === undefined)
        throw new TypeError('WebAssembly.Instance(): Argument 0 must be a WebAssembly.Module')
      const imports = resolve(module, args[1])
      if (imports === undefined && args[1] !== undefined) outOfMemory()
      const taken = record.limits.count === 0 ? undefined : modules.instance(record, usedOf)
      if (taken === undefined && record.limits.count > 0) outOfMemory()
      let instance: object
      try {
        instance = construct(target, [record.module, imports], newTarget) as object
      } catch (error) {
        // Functions of a WebAssembly instance that failed to start may live on in its imports, and its memory
        // with them.
        if (taken !== undefined && !record.limits.leaves) modules.release(taken)
        throw error
      }
      if (taken === undefined) put(modulesOf, instance, module)
      else follow(instance, module, taken)
      return instance
    },
  })
}

/**
 * Replaces `WebAssembly.compile` and `instantiate` by functions that compile at once. V8's own functions end
 * in tasks that run only when the isolate is entered.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestWasmFunctions(primordials: Primordials, { known }: GuardParts): void {
  const { get, defineProperty, deleteProperty } = primordials
  const { Module, Instance } = WebAssembly
  const define = (name: string, value: object): void => {
    defineProperty(value, 'name', { value: name, configurable: true })
    defineProperty(WebAssembly, name, { value, writable: true, enumerable: true, configurable: true })
  }
  define('compile', async (source: BufferSource) => new Module(source))
  define(
    'instantiate',
    async (source: WebAssembly.Module | BufferSource, ...[imports]: [WebAssembly.Imports?]) => {
      if (get(known, source) !== undefined) return new Instance(source, imports)
      const module = new Module(source as BufferSource)
      // The WebAssembly standard makes a module's instance a microtask after the module.
      await Promise.resolve()
      return { module, instance: new Instance(module, imports) }
    },
  )
  deleteProperty(WebAssembly, 'compileStreaming')
  deleteProperty(WebAssembly, 'instantiateStreaming')
}
