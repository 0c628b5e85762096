import type { Budget, Held, Reservation } from './budget.ts'
import type { Buffers } from './buffers.ts'
import type { Primordials } from './primordials.ts'
import type { guestImports } from './wasm-imports.ts'
import type { guestShares, KnownModule, Modules, Objects } from './wasm-modules.ts'
import type { ModuleLimits } from './wasm-module.ts'

/** State and functions shared by the parts of the isolate's memory guard that replace built-ins. */
export interface GuardParts {
  memory: Budget
  tables: Budget
  modules: Modules
  objects: Objects
  shares: ReturnType<typeof guestShares>
  resolve: ReturnType<typeof guestImports>
  buffers: Buffers
  /** Records of WebAssembly modules, by the WebAssembly.Module that a tenant holds. */
  known: WeakMap<object, KnownModule>
  /** Records of WebAssembly memories, tables and buffers, by the object that a tenant holds. */
  held: WeakMap<object, Held>
  /** Returns the bytes in use by the WebAssembly memories of a reservation. */
  usedOf: (reservation: Reservation) => number
  /** Reserves bytes for objects of Intl, which are neither WebAssembly's nor buffers. */
  reserveIntl: (bytes: number) => Reservation
  /** Reports that the isolate hit its limit of memory outside V8's heap. */
  hit: () => void
  /**
   * Replaces a built-in by a proxy of it. Name, length and prototype stay, and the prototype's `constructor`
   * is the proxy.
   */
  replace: (holder: object, name: string, handler: object) => void
}

/**
 * Replaces `WebAssembly.Module`, so that a WebAssembly module's memories and tables get maxima.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestWasmModules(primordials: Primordials, parts: GuardParts): void {
  const { construct, put, RangeError } = primordials
  const { memory, modules, buffers, known, hit, replace } = parts
  const { Module, CompileError } = WebAssembly

  const limitsOf = (bytes: Uint8Array<ArrayBuffer>): ModuleLimits => {
    try {
      return modules.read(bytes)
    } catch (error) {
      // V8 throws its own error for an invalid WebAssembly module. A module that only V8 understands is
      // refused.
      void new Module(bytes)
      throw new CompileError(`WebAssembly.Module(): ${(error as Error).message}, which this host refuses`)
    }
  }
  replace(WebAssembly, 'Module', {
    construct(target: typeof Module, args: [BufferSource, unknown?], newTarget: Function): object {
      const bytes = buffers.copyOf(args[0])
      if (bytes === undefined || bytes.length === 0) return construct(target, args, newTarget) as object
      const limits = limitsOf(bytes)
      const needed = modules.codeBytes(bytes)
      if (memory.room(needed) < needed) {
        hit()
        throw new RangeError('WebAssembly.Module(): Out of memory: beyond what is left of memoryMb')
      }
      const code = memory.reserve(needed)
      try {
        const made = modules.create(bytes, limits, code, (given, isFirst) =>
          construct(target, args.length > 1 ? [given, args[1]] : [given], isFirst ? newTarget : target),
        )
        memory.hold(code, made.module)
        put(known, made.module, made)
        return made.module
      } catch (error) {
        memory.release(code)
        throw error
      }
    },
  })
}
