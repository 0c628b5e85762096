import type { Budget, Held, Reservation } from './budget.ts'
import type { Buffers } from './buffers.ts'
import type { Primordials } from './primordials.ts'
import type { guestImports } from './wasm-imports.ts'
import type { guestShares, KnownModule, Modules, Objects } from './wasm-modules.ts'
import type { ModuleLimits } from './wasm-module.ts'

/** What the parts that replace built-ins share. */
export interface GuardParts {
  memory: Budget
  tables: Budget
  modules: Modules
  objects: Objects
  shares: ReturnType<typeof guestShares>
  resolve: ReturnType<typeof guestImports>
  buffers: Buffers
  /** Modules by what a tenant holds of them. */
  known: WeakMap<object, KnownModule>
  /** What holds bytes. */
  held: WeakMap<object, Held>
  /** Bytes that the memories of a reservation hold. */
  usedOf: (reservation: Reservation) => number
  /** Reserves for what is no memory of WebAssembly and no buffer. */
  reserveIntl: (bytes: number) => Reservation
  /** Says that the limit was hit. */
  hit: () => void
  /** Puts a proxy in the place of a member: name, length and prototype stay, `constructor` leads to it. */
  replace: (holder: object, name: string, handler: object) => void
}

/**
 * Replaces `WebAssembly.Module` and what makes modules: their memories and tables get maxima.
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
      // V8 says what is wrong with it; what only V8 understands is refused.
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
