const { apply, getPrototypeOf, getOwnPropertyDescriptor } = Reflect
const clock = Date.now

/** Milliseconds since 1970. */
type Clock = () => number

/**
 * The isolate's own clock, to the microsecond: asking the host would cost its main thread, which all tenants
 * share, 10 us each time. Made when it is first asked for: V8 makes `Temporal` then, which takes longer than
 * a good part of this web API.
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
    // The app has put something else in its place.
    return clock
  }
}

let time: Clock | undefined
let origin = 0
let last = 0
/** Starts the clock; once, when the isolate is connected to its host. */
export function startClock(): void {
  origin = clock()
}

/** Milliseconds from 1970 to {@link startClock}. */
export function timeOrigin(): number {
  return origin
}

/**
 * Milliseconds since {@link timeOrigin}; never less than before, also where the machine's clock is set back.
 */
export function elapsed(): number {
  time ??= makeClock()
  const now = time() - origin
  if (now > last) last = now
  return last
}
