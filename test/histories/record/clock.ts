/**
 * Microseconds of the machine's monotonic clock, which all its processes share: libuv's `uv_hrtime` reads
 * CLOCK_MONOTONIC, whose zero is the machine's start. It does not stop while a process is suspended.
 */
export function now(): number {
  return Number(process.hrtime.bigint() / 1000n)
}
