const { apply, getPrototypeOf, getOwnPropertyDescriptor } = Reflect
const clock = Date.now

/** A clock of the isolate: returns milliseconds since 1970. */
type Clock = () => number

/**
 * Creates the isolate's own clock, which has microseconds: asking the engine would take 10 us each time on
 * the main thread, which all tenants share. Created on first use, because V8 then creates `Temporal`, which
 * takes longer than a good part of this web API.
 */
function makeClock(): Clock {
  try {
    const { Temporal } = globalThis as { Temporal?: { Now: { instant(): object } } }
    const instant = Temporal?.Now.instant
    const nanoseconds =
      instant === undefined
        ? undefined
        : getOwnPropertyDescriptor(getPrototypeOf(instant()) as object, 'epochNanoseconds')?.get
    if (instant === undefined || nanoseconds === undefined) return clock
    return () => Number(apply(nanoseconds, instant(), []) as bigint) / 1e6
  } catch {
    // The app has replaced part of `Temporal`, so the clock is `Date.now`.
    return clock
  }
}

let time: Clock | undefined
let origin = 0
let last = 0
/** Starts the isolate's clock; called once, when the isolate is connected to its engine. */
export function startClock(): void {
  origin = clock()
}

/** Returns the time at which the isolate's clock was started, in milliseconds since 1970. */
export function timeOrigin(): number {
  return origin
}

/**
 * Returns the milliseconds since {@link timeOrigin}, for `performance.now()`. The value never decreases, even
 * if the machine's clock is set back.
 */
export function elapsed(): number {
  time ??= makeClock()
  const now = time() - origin
  if (now > last) last = now
  return last
}
