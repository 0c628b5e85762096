import type { Held } from './budget.ts'
import type { Primordials } from './primordials.ts'
import type { GuardParts } from './wasm-guard.ts'

/**
 * Reserves the bytes of resizable buffers when they are made and when they grow, because isolated-vm does not
 * count them.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestResizable(primordials: Primordials, parts: GuardParts): void {
  const { construct, apply, get, put, create, Number, RangeError } = primordials
  const { memory, buffers, held, hit, replace } = parts
  /**
   * Addresses left for all resizable buffers: each buffer keeps `maxByteLength` addresses free for its
   * growth.
   */
  const addresses = { left: 64 * 1024 ** 3 }
  const take = (bytes: number): void => {
    if (bytes <= 0 || memory.room(bytes) >= bytes) return
    hit()
    throw new RangeError('Array buffer allocation failed: beyond what is left of memoryMb')
  }
  const limited = {
    construct(target: Function, args: { 0: unknown; 1?: unknown }, newTarget: Function): object {
      const options = args[1]
      const isObject = (typeof options === 'object' && options !== null) || typeof options === 'function'
      const asked = isObject ? (options as { maxByteLength?: unknown }).maxByteLength : undefined
      if (asked === undefined) return construct(target, [args[0]], newTarget) as object
      // Each argument of `new ArrayBuffer` is converted to a number once, because V8 would convert it again.
      const length = +(args[0] as number)
      const most = +(asked as number)
      const bytes = length > 0 ? length : 0
      take(bytes)
      if (most > addresses.left)
        throw new RangeError('Array buffer allocation failed: maxByteLength is too large')
      const descriptor = create(null) as { maxByteLength: number }
      descriptor.maxByteLength = most
      const made = construct(target, [length, descriptor], newTarget) as object
      const reservation = memory.reserve(bytes)
      if (most > 0) addresses.left -= most
      reservation.over = () => void (addresses.left += most > 0 ? most : 0)
      memory.hold(reservation, made)
      put(held, made, { entry: reservation, kind: 'buffer', size: 0, most: 0, isOpen: true } satisfies Held)
      return made
    },
  }
  const resize = {
    apply(target: Function, self: object, args: { 0: unknown }): unknown {
      const reservation = (get(held, self) as Held | undefined)?.entry
      // A resizable buffer without a reservation is a WebAssembly memory's, which has a maximum.
      if (reservation === undefined) return apply(target as () => unknown, self, [args[0]])
      const length = +(args[0] as number)
      take(length - reservation.bytes)
      const result = apply(target as () => unknown, self, [length])
      memory.resize(reservation, buffers.lengthOf(self) ?? 0)
      return result
    },
  }
  const transfer = {
    apply(target: Function, self: object, args: { 0?: unknown; length: number }): unknown {
      const own = get(held, self) as Held | undefined
      const reservation = own?.entry
      if (own === undefined || reservation === undefined)
        return apply(target as () => unknown, self, args as [])
      const length = args.length === 0 || args[0] === undefined ? undefined : Number(args[0])
      take((length ?? 0) - reservation.bytes)
      const made = apply(target as () => object, self, length === undefined ? [] : [length])
      memory.resize(reservation, buffers.lengthOf(made) ?? 0)
      memory.hold(reservation, made)
      put(held, made, own)
      return made
    },
  }
  replace(globalThis, 'ArrayBuffer', limited)
  replace(ArrayBuffer.prototype, 'resize', resize)
  replace(ArrayBuffer.prototype, 'transfer', transfer)
  if (typeof SharedArrayBuffer === 'undefined') return
  replace(globalThis, 'SharedArrayBuffer', limited)
  replace(SharedArrayBuffer.prototype, 'grow', resize)
}
