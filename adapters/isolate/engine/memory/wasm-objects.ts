import type { Held } from './budget.ts'
import type { Primordials } from './primordials.ts'
import type { GuardParts } from './wasm-guard.ts'

/**
 * Replaces `WebAssembly.Memory` and `WebAssembly.Table`, so that each memory and table gets a maximum.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestWasmObjects(primordials: Primordials, parts: GuardParts): void {
  const { construct, put, create, BigInt, Number, String, RangeError, TypeError } = primordials
  const { memory, tables, shares, held, usedOf, hit, replace } = parts
  const NUMBERS = 4
  const NAMES = {
    0: 'element',
    1: 'address',
    2: 'index',
    3: 'shared',
    4: 'initial',
    5: 'minimum',
    6: 'maximum',
  }
  /**
   * Copies the descriptor of a WebAssembly memory or table. Each member is read and converted once: a getter
   * may return something else the next time.
   */
  const read = (given: Record<string, unknown>): Record<string, unknown> => {
    const descriptor = create(null) as Record<string, unknown>
    for (let index = 0; index < 7; index++) {
      const name = NAMES[index as 0]
      const value = given[name] as string | number | bigint | undefined
      if (value === undefined) continue
      if (name === 'shared') descriptor[name] = !!value
      else if (index < NUMBERS) descriptor[name] = String(value)
      else descriptor[name] = typeof value === 'bigint' ? value : +(value as number)
    }
    return descriptor
  }
  const limited = (kind: 'memory' | 'table', name: string) => ({
    construct(target: Function, args: { 0: unknown; 1?: unknown; length: number }, newTarget: Function) {
      const given = args[0]
      if ((typeof given !== 'object' && typeof given !== 'function') || given === null)
        return construct(target, [given], newTarget) as object
      const descriptor = read(given as Record<string, unknown>)
      const first = Number(descriptor['initial'] ?? descriptor['minimum'])
      const budget = kind === 'memory' ? memory : tables
      const asked = descriptor['maximum'] === undefined ? Infinity : Number(descriptor['maximum'])
      const isLimit = first >= 0 && first <= Number.MAX_SAFE_INTEGER && asked >= first
      const least = isLimit ? shares.bytesOf(kind, first) : 0
      if (budget.room(least, least + budget.limit / 8) < least) {
        hit()
        throw new RangeError(`WebAssembly.${name}(): could not allocate it: beyond what is left of memoryMb`)
      }
      const most = isLimit ? shares.most(kind, first, asked) : 0
      if (isLimit) descriptor['maximum'] = typeof descriptor['initial'] === 'bigint' ? BigInt(most) : most
      const rest = args.length > 1 ? [descriptor, args[1]] : [descriptor]
      const made = construct(target, rest, newTarget) as object
      // V8 throws for most invalid limits of a WebAssembly memory or table. The TypeError covers the invalid
      // limits that V8 accepts.
      if (!isLimit) throw new TypeError(`WebAssembly.${name}(): 'initial' and 'maximum' are no limits`)
      const entry = budget.reserve(least, kind === 'memory' ? usedOf : undefined)
      budget.hold(entry, made)
      put(held, made, { entry, kind, size: first, most, isOpen: false } satisfies Held)
      return made
    },
  })
  replace(WebAssembly, 'Memory', limited('memory', 'Memory'))
  replace(WebAssembly, 'Table', limited('table', 'Table'))
}

/**
 * Replaces the functions that grow WebAssembly memories and tables, and `promising`, whose calls have stacks
 * of their own.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestWasmGrowth(primordials: Primordials, parts: GuardParts): void {
  const { apply, get, whenSettled, Number, Proxy, RangeError } = primordials
  const { memory, objects, held, hit, replace } = parts
  const growing = {
    apply(target: Function, self: object, args: { 0: unknown; 1?: unknown; length: number }): unknown {
      const own = get(held, self) as Held | undefined
      const by = typeof args[0] === 'bigint' ? args[0] : +(args[0] as number)
      if (own !== undefined && !objects.grow(own, Number(by))) {
        hit()
        throw new RangeError(`grow: failed to grow the ${own.kind}: beyond what is left of memoryMb`)
      }
      try {
        const result: unknown = apply(target as () => unknown, self, args.length > 1 ? [by, args[1]] : [by])
        if (own !== undefined) objects.grown(own, Number(by))
        return result
      } catch (error) {
        if (own !== undefined) hit()
        throw error
      }
    },
  }
  const opening = {
    apply(target: Function, self: object): unknown {
      const own = get(held, self) as Held | undefined
      if (own === undefined || own.isOpen || objects.open(own))
        return apply(target as () => unknown, self, [])
      hit()
      throw new RangeError('toResizableBuffer: beyond what is left of memoryMb')
    },
  }
  replace(WebAssembly.Memory.prototype, 'grow', growing)
  replace(WebAssembly.Memory.prototype, 'toResizableBuffer', opening)
  replace(WebAssembly.Table.prototype, 'grow', growing)
  const { promising } = WebAssembly as { promising?: Function }
  /** Bytes reserved for the stack of a WebAssembly call that waits for a promise. */
  const STACK = 262_144
  const onStack = {
    apply(target: Function, self: unknown, args: unknown[]): unknown {
      if (memory.room(STACK) < STACK) {
        hit()
        throw new RangeError('WebAssembly.promising(): Out of memory: beyond what is left of memoryMb')
      }
      const reservation = memory.reserve(STACK)
      const over = (): void => memory.release(reservation)
      const result = apply(target as () => Promise<unknown>, self, args)
      void whenSettled(result, over, over)
      memory.hold(reservation, result)
      return result
    },
  }
  if (promising !== undefined)
    replace(WebAssembly, 'promising', {
      apply: (target: Function, self: unknown, args: unknown[]): object =>
        new Proxy(apply(target as () => object, self, args), onStack),
    })
}
