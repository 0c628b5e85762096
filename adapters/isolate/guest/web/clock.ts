const { apply, getPrototypeOf, getOwnPropertyDescriptor } = Reflect
const clock = Date.now

/** Returns milliseconds since 1970. */
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
    // The app has replaced part of `Temporal`.
    return clock
  }
}

let time: Clock | undefined
let origin = 0
let last = 0
/** Starts the clock; called once, when the isolate is connected to its engine. */
export function startClock(): void {
  origin = clock()
}

/** Time of {@link startClock} in milliseconds since 1970. */
export function timeOrigin(): number {
  return origin
}

/**
 * Milliseconds since {@link timeOrigin}. The value never decreases, even if the machine's clock is set back.
 */
export function elapsed(): number {
  time ??= makeClock()
  const now = time() - origin
  if (now > last) last = now
  return last
}
