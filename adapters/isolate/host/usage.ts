import type { AppLimits, LimitName } from './limits.ts'

/**
 * Usage of an app. All fields are sums over processes and periods, except `heldBytes`, which is a
 * maximum.
 */
export interface Usage {
  /** HTTP requests of the app, including those refused for a limit. */
  requests: number
  /** Number of queue batches, cron runs and calls by other apps of the host. */
  events: number
  /**
   * Microseconds of CPU time of the app's isolates, as V8 counts it, plus the host's work for them. Loading
   * the app counts; waiting does not.
   */
  cpuUs: number
  /**
   * The part of `cpuUs` that was spent on the host's side: parsing URLs, decoding, cryptography, compression,
   * calls of bindings.
   */
  hostCpuUs: number
  /**
   * The part of `cpuUs` spent in entries into isolates that ran inline, being too short to need a thread of
   * their own.
   */
  inlineCpuUs: number
  /** Sum of the milliseconds from each of the app's requests to the end of its response. */
  wallMs: number
  /**
   * Bytes received on the wire, heads included; for WebSockets, the bytes of messages. `bytesOut`: bytes
   * sent.
   */
  bytesIn: number
  bytesOut: number
  /** The app's responses with status 500 and above. */
  errors: number
  /** WebSocket messages: received ones, and those written to each socket. */
  socketMessages: number
  /** Number of the app's isolates started. `evictions`: number of isolates evicted while idle. */
  starts: number
  evictions: number
  /** Peak bytes of the app's messages and calls that one process held at once. */
  heldBytes: number
  /** How often each limit of the app was hit. */
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

/**
 * True if a value that a process has sent is a usage: every number is one, and none is below 0. A process
 * whose engine was broken out of may send anything, and must not end the supervisor by it.
 */
export function isUsage(value: unknown): value is Usage {
  if (typeof value !== 'object' || value === null) return false
  const given = value as Record<string, unknown>
  return Object.entries(emptyUsage()).every(([key, empty]) => {
    if (typeof empty === 'number') return isCount(given[key])
    const counts = given[key]
    return typeof counts === 'object' && counts !== null && Object.values(counts).every(isCount)
  })
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

export function isEmpty(usage: Usage): boolean {
  return Object.values(usage).every((value) =>
    typeof value === 'number' ? value === 0 : Object.keys(value as object).length === 0,
  )
}

/** Adds the numbers of `more` to `usage`; `heldBytes` becomes the larger of the two. */
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
