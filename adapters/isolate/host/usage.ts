import type { AppLimits, LimitName } from './limits.ts'

/**
 * What an app has used. Sums, so that those of several processes and periods add up; `heldBytes` alone is the
 * largest.
 */
export interface Usage {
  /** HTTP requests, those refused for a limit too. */
  requests: number
  /** Number of queue batches, cron runs and calls by other apps of the host. */
  events: number
  /**
   * Microseconds of CPU time of the app's isolates, by V8's own count, and of the host's work for them:
   * loading the app counts, waiting does not.
   */
  cpuUs: number
  /**
   * The part of `cpuUs` that the host worked: parsing URLs, decoding, cryptography, compression, calls of
   * bindings.
   */
  hostCpuUs: number
  /** The part of `cpuUs` that was spent in entries so short that they need no thread of their own. */
  inlineCpuUs: number
  /** Milliseconds from each request to the end of its answer, added up. */
  wallMs: number
  /** Bytes on the wire, heads included; of WebSockets the bytes of their messages. */
  bytesIn: number
  bytesOut: number
  /** Answers of 500 and above. */
  errors: number
  /** Messages of WebSockets: those that came, and those that were written to each socket. */
  socketMessages: number
  /** Isolates started, and those that were evicted while idle. */
  starts: number
  evictions: number
  /** Most bytes of the app's messages and calls that one process has held at once. */
  heldBytes: number
  /** How often each limit was hit. */
  limits: Partial<Record<keyof AppLimits, number>>
}

export function emptyUsage(): Usage {
  return {
    requests: 0,
    events: 0,
    cpuUs: 0,
    hostCpuUs: 0,
    inlineCpuUs: 0,
    wallMs: 0,
    bytesIn: 0,
    bytesOut: 0,
    errors: 0,
    socketMessages: 0,
    starts: 0,
    evictions: 0,
    heldBytes: 0,
    limits: {},
  }
}

/** True if nothing was used. */
export function isEmpty(usage: Usage): boolean {
  return Object.values(usage).every((value) =>
    typeof value === 'number' ? value === 0 : Object.keys(value as object).length === 0,
  )
}

/** Adds `more` to `usage`. */
export function addUsage(usage: Usage, more: Usage): void {
  for (const key of [
    'requests',
    'events',
    'cpuUs',
    'hostCpuUs',
    'inlineCpuUs',
    'wallMs',
    'bytesIn',
    'bytesOut',
    'errors',
    'socketMessages',
    'starts',
    'evictions',
  ] as const)
    usage[key] += more[key]
  usage.heldBytes = Math.max(usage.heldBytes, more.heldBytes)
  for (const [name, count] of Object.entries(more.limits) as [LimitName, number][])
    usage.limits[name] = (usage.limits[name] ?? 0) + count
}
