import type { Primordials } from './primordials.ts'
import type { GuardParts } from './wasm-guard.ts'

/**
 * Reserves memory for objects of Intl, which keep most of their data outside V8's heap: a date format of 300
 * bytes in the heap has 26 KB outside.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestIntl(primordials: Primordials, { memory, reserveIntl, hit, replace }: GuardParts): void {
  const { construct, apply, RangeError } = primordials
  /** Measured bytes outside V8's heap of one object of each class of Intl. */
  const BYTES = {
    DateTimeFormat: 28_000,
    Segmenter: 8_000,
    Collator: 2_000,
    NumberFormat: 2_000,
    RelativeTimeFormat: 8_000,
    DurationFormat: 8_000,
    ListFormat: 1_000,
    PluralRules: 2_000,
    DisplayNames: 2_000,
  }
  const reserve = (bytes: number, make: () => object): object => {
    if (memory.room(bytes) < bytes) {
      hit()
      throw new RangeError('Intl: out of memory: beyond what is left of memoryMb')
    }
    const made = make()
    memory.hold(reserveIntl(bytes), made)
    return made
  }
  for (const name of Object.keys(BYTES) as (keyof typeof BYTES)[]) {
    const bytes = BYTES[name]
    if (typeof Intl[name as 'Collator'] !== 'function') continue
    replace(Intl, name, {
      construct: (target: Function, args: unknown[], newTarget: Function) =>
        reserve(bytes, () => construct(target, args, newTarget) as object),
      apply: (target: Function, self: unknown, args: unknown[]) =>
        reserve(bytes, () => apply(target as () => object, self, args)),
    })
  }
}
