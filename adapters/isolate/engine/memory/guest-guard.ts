import type { Held } from './budget.ts'
import type { GuardKit } from './kit.ts'
import type { GuardParts } from './wasm-guard.ts'
import type { KnownModule } from './wasm-modules.ts'

/**
 * Assembles the guard of an isolate's memory outside V8's heap, and returns the function that installs it.
 * The installed guard is a function that returns the bytes in use; if `collectFirst`, it collects all garbage
 * before.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestGuard(kit: GuardKit) {
  return (limit: number, hit: () => void, whenUsed: (isWasm: boolean) => void) => {
    const primordials = kit.guestPrimordials()
    const { deref, getter, defineProperty, Proxy, WeakMap } = primordials
    const { ArrayBuffer } = globalThis
    // Collects all garbage, as V8 does before it refuses a buffer that is too large for the isolate.
    const gc = (): void => {
      try {
        void new ArrayBuffer(64 * limit)
      } catch {
        // V8 refuses to create a buffer so much larger than the isolate's limit; the attempt only serves to
        // collect garbage.
      }
    }
    const memory = kit.guestBudget(primordials, limit, gc)
    const tables = kit.guestBudget(primordials, limit, gc)
    const buffers = kit.guestBuffers(primordials)
    const reserveIntl = kit.guestUses(memory, whenUsed)
    const bufferOf = getter<object>(WebAssembly.Memory.prototype, 'buffer')
    const lengthOf = (object: object): number => {
      try {
        return buffers.lengthOf(bufferOf(object)) ?? 0
      } catch {
        // The length of an object that is not a WebAssembly memory counts as 0.
        return 0
      }
    }
    const held = new WeakMap<object, Held>()
    const shares = kit.guestShares(primordials, memory, tables)
    const objects = kit.guestObjects(memory, tables, shares)
    const read = kit.guestReadModule(primordials, kit.guestCursor(primordials))
    const write = kit.guestWriteMaxima(primordials)
    const parts: GuardParts = {
      memory,
      tables,
      buffers,
      known: new WeakMap<object, KnownModule>(),
      held,
      shares,
      objects,
      resolve: kit.guestImports(primordials, held, objects),
      modules: kit.guestModules(primordials, { memory, tables, read, write, shares }),
      usedOf({ bytes, refs }) {
        let sum = 0
        for (let index = 0; index < refs.count; index++) {
          const object = deref(refs[index])
          if (object !== undefined) sum += lengthOf(object)
        }
        // A WebAssembly memory that is not exported cannot be measured, so its maximum counts.
        return sum === 0 ? bytes : sum
      },
      reserveIntl,
      hit,
      replace(holder, name, handler) {
        const descriptor = Reflect.getOwnPropertyDescriptor(holder, name)
        if (descriptor === undefined) return
        const value = new Proxy(descriptor.value as object, handler)
        defineProperty(holder, name, { ...descriptor, value })
        const { prototype } = value as { prototype?: object }
        if (prototype !== undefined)
          defineProperty(prototype, 'constructor', {
            ...Reflect.getOwnPropertyDescriptor(prototype, 'constructor'),
            value,
          })
      },
    }
    kit.guestWasmModules(primordials, parts)
    kit.guestWasmInstances(primordials, parts)
    kit.guestWasmFunctions(primordials, parts)
    kit.guestWasmObjects(primordials, parts)
    kit.guestWasmGrowth(primordials, parts)
    kit.guestResizable(primordials, parts)
    kit.guestIntl(primordials, parts)
    return (collectFirst: boolean): number => {
      if (collectFirst) gc()
      return memory.used()
    }
  }
}
