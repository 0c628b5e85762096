// The isolate's own clock, to the microsecond: asking the host would cost its main thread, which all tenants share, 10 us each time.
const { Temporal } = globalThis as { Temporal?: { Now: { instant(): object } } }
const instant = Temporal?.Now.instant
const nanoseconds = instant === undefined ? undefined : Object.getOwnPropertyDescriptor(Object.getPrototypeOf(instant()), 'epochNanoseconds')?.get
const { apply } = Reflect
const clock = Date.now

/** Milliseconds since 1970. */
function time(): number {
  if (instant === undefined || nanoseconds === undefined) return clock()
  return Number(apply(nanoseconds, instant(), []) as bigint) / 1e6
}

let origin = 0
let last = 0
/** Starts the clock; once, when the isolate is connected to its host. */
export function startClock(): void {
  origin = time()
}

/** Milliseconds from 1970 to {@link startClock}. */
export function timeOrigin(): number {
  return origin
}

/** Milliseconds since {@link timeOrigin}; never less than before, also where the machine's clock is set back. */
export function elapsed(): number {
  const now = time() - origin
  if (now > last) last = now
  return last
}
