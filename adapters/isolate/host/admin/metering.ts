import { join } from 'node:path'
import { Counter, Gauge, Registry } from 'prom-client'
import type { AppRecord } from '../app-record.ts'
import { isEmpty, type Usage } from '../usage.ts'
import { importUsageFile } from './usage-json.ts'
import { addTo, type Hours, type UsageFilter, UsageStore } from './usage-store.ts'

/** Usage of one app in one hour. */
export interface UsagePeriod extends Usage {
  app: string
  /** Start of the hour of the usage, as an ISO 8601 time in UTC. */
  period: string
}

/** Isolate counts and memory of one process of a host, for the metrics. */
export interface ProcessFigures {
  live: number
  waiting: number
  /** Memory of the process's isolates in bytes, by app. */
  memory: ReadonlyMap<string, number>
}

const HOUR = 3_600_000
/** Hours of usage figures that the usage store keeps: 32 days. */
const KEPT_HOURS = 24 * 32
/**
 * Prometheus counters by field of {@link Usage}: name, help text, and factor to Prometheus's units (seconds).
 */
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
  socketMessages: ['unmoor_socket_messages_total', 'Messages of WebSockets, both ways', 1],
  starts: ['unmoor_isolate_starts_total', 'Isolates started', 1],
  evictions: ['unmoor_isolate_evictions_total', 'Isolates evicted while idle', 1],
} as const

function oldestHour(): number {
  return Math.floor(Date.now() / HOUR - KEPT_HOURS) * HOUR
}

/**
 * Sums the usage that processes report: per app since the start for Prometheus, and per app and hour in a
 * database for billing.
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
  /** Usage of apps that is not written to the usage store yet. */
  #unsaved: Hours = new Map()
  #store: UsageStore
  #saving: Promise<void> = Promise.resolve()
  /** Oldest hour of usage that was kept at the last pruning of the usage store. */
  #prunedTo = 0

  private constructor(store: UsageStore) {
    this.#store = store
  }

  /**
   * Opens the usage of earlier runs: `usage.sqlite` in the folder, and a `usage.json` of an older host, which
   * is imported.
   *
   * @throws an `UnmoorError` that names the file which cannot be read.
   */
  static async open(folder: string): Promise<Metering> {
    const store = UsageStore.open(join(folder, 'usage.sqlite'))
    await importUsageFile(join(folder, 'usage.json'), store)
    return new Metering(store)
  }

  /**
   * Writes the apps' usage since the last save to the usage store. Usage that cannot be written is kept for
   * the next save.
   */
  save(): Promise<void> {
    this.#saving = this.#saving
      .catch(() => {})
      .then(async () => {
        await this.#store.add(this.#unsaved)
        const oldest = oldestHour()
        if (oldest > this.#prunedTo) await this.#store.prune(oldest)
        this.#prunedTo = oldest
      })
    return this.#saving
  }

  /** Saves the apps' remaining usage, and closes the usage store. */
  async close(): Promise<void> {
    try {
      await this.save()
    } finally {
      this.#store.close()
    }
  }

  add(app: string, usage: Usage): void {
    for (const { key, factor, counter } of this.#counters)
      if (usage[key] > 0) counter.inc({ app }, usage[key] * factor)
    for (const [limit, count] of Object.entries(usage.limits)) this.#limits.inc({ app, limit }, count)
    this.#heldBytes.set(app, Math.max(this.#heldBytes.get(app) ?? 0, usage.heldBytes))
    // An app's report of empty usage needs no row in the usage store.
    if (!isEmpty(usage)) addTo(this.#unsaved, Math.floor(Date.now() / HOUR) * HOUR, app, usage)
  }

  /** Returns all metrics of the host in Prometheus's text format. */
  async metrics(states: readonly ProcessFigures[], restarts: number): Promise<string> {
    this.#memory.reset()
    for (const { memory } of states) for (const [app, bytes] of memory) this.#memory.inc({ app }, bytes)
    for (const [app, bytes] of this.#heldBytes) this.#held.set({ app }, bytes)
    this.#live.set(states.reduce((sum, { live }) => sum + live, 0))
    this.#waiting.set(states.reduce((sum, { waiting }) => sum + waiting, 0))
    this.#restarts.set(restarts)
    return this.#registry.metrics()
  }

  /** Yields the apps' stored usage per app and hour, including usage up to now. */
  async *usage(filter: UsageFilter): AsyncGenerator<UsagePeriod> {
    await this.save()
    for await (const { hour, app, usage } of this.#store.read(filter))
      yield { app, period: new Date(hour).toISOString(), ...usage }
  }
}

/**
 * Compares the cost of paying for CPU time with paying for wall time, at the same price per second. `ratio`
 * is wall time over CPU time; null without CPU time.
 */
export function costLine(
  { cpuUs, wallMs }: Pick<Usage, 'cpuUs' | 'wallMs'>,
  { pricePerSecond }: { pricePerSecond: number },
): { cpu: number; wall: number; ratio: number | null } {
  const [cpuSeconds, wallSeconds] = [cpuUs / 1e6, wallMs / 1e3]
  return {
    cpu: cpuSeconds * pricePerSecond,
    wall: wallSeconds * pricePerSecond,
    ratio: cpuSeconds === 0 ? null : wallSeconds / cpuSeconds,
  }
}

/** Describes an app for the admin API's list of apps. Its variables are left out, as they may be secrets. */
export function describeApp({ name, version, settings, limits }: AppRecord): object {
  const { hosts, paths } = settings
  return { name, version, hosts: hosts ?? [`${name}.*`], paths: paths ?? [], limits }
}
