import type { Primordials } from './primordials.ts'

/**
 * Reserved bytes of memory outside V8's heap, which are released when none of the objects in `refs` is alive.
 */
export interface Reservation {
  bytes: number
  /** Returns how many of the reserved bytes of memory are in use. Default: all. */
  used: ((entry: Reservation) => number) | undefined
  readonly refs: { readonly [index: number]: WeakRef<object>; readonly count: number }
  /** Called when the memory reservation is released. */
  over: (() => void) | undefined
  previous: Reservation | undefined
  next: Reservation | undefined
}

/** A WebAssembly memory or table, or a buffer, with its reservation. */
export interface Held {
  entry: Reservation
  kind: 'memory' | 'table' | 'buffer'
  /** Size in pages of a WebAssembly memory, or in entries of a table. */
  size: number
  most: number
  /** True if WebAssembly code may grow the memory or table, so that its maximum is reserved. */
  isOpen: boolean
}

/**
 * Creates the budget of one resource outside V8's heap, in bytes. Reservations of collected objects are
 * released; if too little is free, garbage is collected first.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestBudget({ WeakRef, create, deref }: Primordials, limit: number, gc: () => void) {
  let first: Reservation | undefined
  let reserved = 0
  let live = 0
  /** Number of memory reservations since the last garbage collection, and number that were alive after it. */
  let since = 0
  let survived = 0
  const release = (entry: Reservation): void => {
    if (entry.previous !== undefined) entry.previous.next = entry.next
    else if (first === entry) first = entry.next
    else return // A reservation that is not in the list has been released already.
    if (entry.next !== undefined) entry.next.previous = entry.previous
    entry.previous = undefined
    entry.next = undefined
    reserved -= entry.bytes
    live--
    entry.over?.()
  }
  const isAlive = ({ refs }: Reservation): boolean => {
    // A memory reservation that no object holds is never swept.
    if (refs.count === 0) return true
    for (let index = 0; index < refs.count; index++) if (deref(refs[index]) !== undefined) return true
    return false
  }
  const sweep = (): void => {
    for (let entry = first; entry !== undefined;) {
      const { next } = entry
      if (!isAlive(entry)) release(entry)
      entry = next
    }
  }
  return {
    limit,
    release,
    reserved: (): number => reserved,
    /** Returns the bytes of the memory budget that are in use. */
    used(): number {
      sweep()
      survived = 0
      let sum = 0
      for (let entry = first; entry !== undefined; entry = entry.next)
        sum += entry.used === undefined ? entry.bytes : entry.used(entry)
      return sum
    },
    /**
     * Returns the free bytes of the memory budget. If they are fewer than `wanted`, garbage is collected,
     * unless that was just in vain; if they are fewer than `needed`, it is always collected.
     */
    room(needed: number, wanted = needed): number {
      // An object that was dereferenced stays alive until this code ends, so garbage is collected before the
      // sweep.
      const isShort = limit - reserved < needed || since > survived / 2
      if (limit - reserved >= wanted || !isShort) return limit - reserved
      gc()
      sweep()
      since = 0
      survived = live
      return limit - reserved
    },
    reserve: (bytes: number, used?: (entry: Reservation) => number): Reservation => {
      const refs = create(null, { count: { value: 0, writable: true } }) as { count: number }
      const entry: Reservation = { bytes, used, refs, over: undefined, previous: undefined, next: first }
      if (first !== undefined) first.previous = entry
      first = entry
      reserved += bytes
      live++
      since++
      return entry
    },
    /** Keeps a memory reservation for as long as `target` is alive, too. */
    hold(entry: Reservation, target: object): void {
      const { refs } = entry as { refs: { count: number; [index: number]: WeakRef<object> } }
      refs[refs.count++] = new WeakRef(target)
    },
    resize(entry: Reservation, bytes: number): void {
      reserved += bytes - entry.bytes
      entry.bytes = bytes
    },
  }
}

export type Budget = ReturnType<typeof guestBudget>

/**
 * Calls `whenUsed` at the first reservation of memory outside V8's heap, and at the first one for WebAssembly
 * or a buffer. Returns the function that reserves memory for objects of other kinds.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestUses(
  memory: Budget,
  whenUsed: (isWasm: boolean) => void,
): (bytes: number) => Reservation {
  const { reserve } = memory
  let isUsed = false
  let isWasmUsed = false
  const note = (isWasm: boolean): void => {
    if (!isUsed || (isWasm && !isWasmUsed)) whenUsed(isWasm)
    isUsed = true
    isWasmUsed ||= isWasm
  }
  memory.reserve = (bytes, used) => {
    note(true)
    return reserve(bytes, used)
  }
  return (bytes) => {
    note(false)
    return reserve(bytes)
  }
}
