import type { Primordials } from './primordials.ts'

/** Bytes that live as long as one of some objects does. */
export interface Reservation {
  bytes: number
  /** Bytes of them that are in use. Default: all. */
  used: ((entry: Reservation) => number) | undefined
  readonly refs: { readonly [index: number]: WeakRef<object>; readonly count: number }
  /** Called when it is over. */
  over: (() => void) | undefined
  previous: Reservation | undefined
  next: Reservation | undefined
}

/** A memory, a table or a buffer, and what is reserved for it. */
export interface Held {
  entry: Reservation
  kind: 'memory' | 'table' | 'buffer'
  /** Pages or entries. */
  size: number
  most: number
  /** True if WebAssembly code may grow it, so that all of it is reserved. */
  isOpen: boolean
}

/**
 * What an isolate may hold of one resource outside V8's heap. What was collected as garbage comes back: where
 * there is too little, garbage is collected first.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestBudget({ WeakRef, create, deref }: Primordials, limit: number, gc: () => void) {
  let first: Reservation | undefined
  let reserved = 0
  let live = 0
  /** Reservations since the last collection, and those that were alive after it. */
  let since = 0
  let survived = 0
  const release = (entry: Reservation): void => {
    if (entry.previous !== undefined) entry.previous.next = entry.next
    else if (first === entry) first = entry.next
    // The reservation is released already.
    else return
    if (entry.next !== undefined) entry.next.previous = entry.previous
    entry.previous = undefined
    entry.next = undefined
    reserved -= entry.bytes
    live--
    entry.over?.()
  }
  const isAlive = ({ refs }: Reservation): boolean => {
    // A reservation of nobody's is for good.
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
    /** Bytes in use. */
    used(): number {
      sweep()
      survived = 0
      let sum = 0
      for (let entry = first; entry !== undefined; entry = entry.next)
        sum += entry.used === undefined ? entry.bytes : entry.used(entry)
      return sum
    },
    /**
     * Bytes that are free. If they are fewer than `wanted`, garbage is collected, unless that was just in
     * vain; if fewer than `needed`, in any case.
     */
    room(needed: number, wanted = needed): number {
      // Whatever is looked at stays for as long as this code runs: garbage goes first.
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
    /** The reservation lasts as long as this object, too. */
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
 * Tells of the first reservation, and of the first that is WebAssembly's or a buffer's; returns what reserves
 * for others.
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
