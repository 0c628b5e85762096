import { Counter, Gauge, Registry } from 'prom-client'
import type { AppRecord } from '../app-record.ts'
import type { Usage } from '../usage.ts'
import { addHours, addTo, type Hours, UsageFile } from './usage-file.ts'

/** Usage of one app in one hour. */
export interface UsagePeriod extends Usage {
  app: string
  /** Start of the hour, as ISO 8601 in UTC. */
  period: string
}

/** What metering asks of the processes when it is read. */
export interface ProcessFigures {
  live: number
  waiting: number
  /** Bytes per app. */
  memory: ReadonlyMap<string, number>
}

const HOUR = 3_600_000
/** Hours kept, in memory and in the file. */
const KEPT_HOURS = 24 * 32
/** Prometheus counters, by what they count of a {@link Usage}; times in seconds, as Prometheus wants them. */
const COUNTERS = {
  requests: ['unmoor_requests_total', 'HTTP requests', 1],
  events: ['unmoor_events_total', 'Queue batches, cron runs and calls by other apps', 1],
  cpuUs: ['unmoor_cpu_seconds_total', "CPU time of the app's isolates and of the host's work for them", 1e-6],
  hostCpuUs: ['unmoor_host_cpu_seconds_total', "Of the CPU time, the host's work", 1e-6],
  inlineCpuUs: [
    'unmoor_inline_cpu_seconds_total',
    "Of the CPU time, entries from the host's own thread",
    1e-6,
  ],
  wallMs: ['unmoor_wall_seconds_total', 'Time from requests to the end of their answers, added up', 1e-3],
  bytesIn: ['unmoor_received_bytes_total', 'Bytes received, heads included', 1],
  bytesOut: ['unmoor_sent_bytes_total', 'Bytes sent, heads included', 1],
  errors: ['unmoor_errors_total', 'Answers of 500 and above', 1],
  starts: ['unmoor_isolate_starts_total', 'Isolates started', 1],
  evictions: ['unmoor_isolate_evictions_total', 'Isolates evicted while idle', 1],
} as const

function oldestHour(): number {
  return Math.floor(Date.now() / HOUR - KEPT_HOURS) * HOUR
}

/**
 * Adds up what the processes report: per app since the start for Prometheus, per app and hour for bills,
 * which a file keeps.
 */
export class Metering {
  #registry = new Registry()
  #counters = Object.entries(COUNTERS).map(([key, [name, help, factor]]) => ({
    key: key as keyof typeof COUNTERS,
    factor,
    counter: new Counter({ name, help, labelNames: ['app'], registers: [this.#registry] }),
  }))
  #limits = new Counter({
    name: 'unmoor_limit_hits_total',
    help: 'Limits hit',
    labelNames: ['app', 'limit'],
    registers: [this.#registry],
  })
  #memory = new Gauge({
    name: 'unmoor_isolate_memory_bytes',
    help: 'Memory of the isolates',
    labelNames: ['app'],
    registers: [this.#registry],
  })
  #held = new Gauge({
    name: 'unmoor_held_bytes_peak',
    help:
      "Most bytes of an app's messages and calls that a process of the host has held at once, since " +
      'the start',
    labelNames: ['app'],
    registers: [this.#registry],
  })
  #heldBytes = new Map<string, number>()
  #live = new Gauge({ name: 'unmoor_isolates', help: 'Isolates alive', registers: [this.#registry] })
  #waiting = new Gauge({
    name: 'unmoor_isolates_pooled',
    help: 'Isolates that wait for an app',
    registers: [this.#registry],
  })
  #restarts = new Gauge({
    name: 'unmoor_process_restarts',
    help: 'Processes that ended and were started again',
    registers: [this.#registry],
  })
  #hours: Hours = new Map()
  /** Not in the file yet. */
  #unsaved: Hours = new Map()
  #file: UsageFile
  #saving: Promise<void> = Promise.resolve()

  private constructor(file: UsageFile) {
    this.#file = file
  }

  /** Usage of earlier runs comes from the file. @throws `Unavailable` for a file that cannot be read. */
  static async open(path: string): Promise<Metering> {
    const file = new UsageFile(path)
    const metering = new Metering(file)
    metering.#hours = await file.read()
    return metering
  }

  /** Writes what has come since the last time. */
  save(): Promise<void> {
    this.#saving = this.#saving
      .catch(() => {})
      .then(async () => {
        const unsaved = this.#unsaved
        if (unsaved.size === 0) return
        this.#unsaved = new Map()
        try {
          await this.#file.add(unsaved, oldestHour())
        } catch (error) {
          // For the next attempt.
          addHours(this.#unsaved, unsaved)
          throw error
        }
      })
    return this.#saving
  }

  add(app: string, usage: Usage): void {
    for (const { key, factor, counter } of this.#counters)
      if (usage[key] > 0) counter.inc({ app }, usage[key] * factor)
    for (const [limit, count] of Object.entries(usage.limits)) this.#limits.inc({ app, limit }, count)
    this.#heldBytes.set(app, Math.max(this.#heldBytes.get(app) ?? 0, usage.heldBytes))
    const hour = Math.floor(Date.now() / HOUR) * HOUR
    addTo(this.#hours, hour, app, usage)
    addTo(this.#unsaved, hour, app, usage)
    for (const old of this.#hours.keys()) if (old < oldestHour()) this.#hours.delete(old)
  }

  /** Prometheus's text format. */
  async metrics(states: readonly ProcessFigures[], restarts: number): Promise<string> {
    this.#memory.reset()
    for (const { memory } of states) for (const [app, bytes] of memory) this.#memory.inc({ app }, bytes)
    for (const [app, bytes] of this.#heldBytes) this.#held.set({ app }, bytes)
    this.#live.set(states.reduce((sum, { live }) => sum + live, 0))
    this.#waiting.set(states.reduce((sum, { waiting }) => sum + waiting, 0))
    this.#restarts.set(restarts)
    return this.#registry.metrics()
  }

  /** Usage per app and hour, of hours that begin within the times (milliseconds since 1970). */
  usage(filter: { app?: string | undefined; from: number; to: number }): UsagePeriod[] {
    const periods: UsagePeriod[] = []
    for (const [hour, apps] of this.#hours) {
      if (hour < filter.from || hour > filter.to) continue
      for (const [app, usage] of apps)
        if (filter.app === undefined || filter.app === app)
          periods.push({ app, period: new Date(hour).toISOString(), ...usage })
    }
    return periods
  }
}

/**
 * What paying for CPU would have cost beside paying for wall time, at the same price per second; `ratio` is
 * wall over CPU.
 */
export function costLine(
  usages: readonly Usage[],
  { pricePerSecond }: { pricePerSecond: number },
): { cpu: number; wall: number; ratio: number | null } {
  const cpuSeconds = usages.reduce((sum, usage) => sum + usage.cpuUs, 0) / 1e6
  const wallSeconds = usages.reduce((sum, usage) => sum + usage.wallMs, 0) / 1e3
  return {
    cpu: cpuSeconds * pricePerSecond,
    wall: wallSeconds * pricePerSecond,
    ratio: cpuSeconds === 0 ? null : wallSeconds / cpuSeconds,
  }
}

/** What an app looks like from outside: no variables, which may be secrets. */
export function describeApp({ name, version, settings, limits }: AppRecord): object {
  const { hosts, paths } = settings
  return { name, version, hosts: hosts ?? [`${name}.*`], paths: paths ?? [], limits }
}
