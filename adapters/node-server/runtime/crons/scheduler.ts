import { Cron } from 'croner'
import { createMemoryCronStore } from '../../../drivers/memory/cron/index.ts'
import type { CronStore } from '../../../../core/runtime/cron-store.ts'
import { runCronTime } from './cron-run.ts'

/**
 * Seconds before each retry of a cron run that threw; the same delays as AWS's for asynchronous invocations.
 */
const RETRY_DELAYS: readonly number[] = [60, 120]
const LEASE_SECONDS = 60
/**
 * Milliseconds that one timer of the cron scheduler waits at most. setTimeout is limited to 24.8 days, and a
 * shorter wait also notices that the system clock was set.
 */
const LONGEST_WAIT = 60 * 60 * 1000

/** Options of {@link startScheduler}, which runs an app's crons. */
export interface SchedulerOptions {
  /** Cron schedules by cron name: five fields in UTC. */
  crons: Readonly<Record<string, string>>
  /**
   * Runs one time of a cron and resolves to `retry: true` if the run has to be repeated. It must not reject
   * if the handler throws.
   */
  run(name: string, scheduledTime: number): Promise<{ retry: boolean }>
  /** The store in which the app's processes claim cron times. Default: this process is the only one. */
  store?: CronStore | undefined
  /**
   * Seconds until a process that died loses its claim of a cron time; a live process extends the claim.
   * Default: 60.
   */
  leaseSeconds?: number | undefined
  /**
   * What happens when a cron's time comes while its last run still works or waits for its retry: `allow` runs
   * both, as Cloudflare and EventBridge do; `skip` leaves the time out. Default: `allow`.
   */
  overlap?: 'allow' | 'skip' | undefined
  /**
   * What happens to cron times that passed while no process ran: `skip` leaves them out, `once` runs the
   * latest one at the start. Default: `skip`.
   */
  missed?: 'skip' | 'once' | undefined
  /**
   * Seconds before each retry of a cron handler that threw, one number for each retry. Default: 60 and 120.
   */
  retryDelays?: readonly number[] | undefined
  /** Called with a message about each cron run that is left out or given up. Default: console.error. */
  onError?: ((message: string) => void) | undefined
}

/** A running cron scheduler. */
export interface Scheduler {
  /**
   * Stops starting cron runs and releases waiting retries to the store. Resolves when the running handlers
   * have ended.
   */
  stop(): Promise<void>
}

/**
 * Fires crons at their nominal minute, each time in one of the processes that share a store. If times passed
 * while the process stood still (a suspended machine), one run of the latest time catches up. If a process
 * dies in a run, another process takes the run over when the lease runs out, or at the next start.
 */
export function startScheduler(options: SchedulerOptions): Scheduler {
  const store = options.store ?? createMemoryCronStore(Date.now)
  const jobs = Object.entries(options.crons).map(
    ([name, schedule]) => new Job(name, schedule, store, options),
  )
  for (const job of jobs) job.start()
  return {
    async stop() {
      await Promise.all(jobs.map((job) => job.stop()))
    },
  }
}

/**
 * Returns the first time of the cron `schedule` after `after`, in milliseconds since 1970; undefined if there
 * is none. Weekday numbers begin with Sunday as 1, as Cloudflare's do.
 */
export function nextTime(schedule: string, after: number): number | undefined {
  return toCron(schedule).nextRun(new Date(after))?.getTime()
}

/** Returns the last time of the cron `schedule` up to `until`. */
function lastTime(schedule: string, until: number): number | undefined {
  return toCron(schedule)
    .previousRuns(1, new Date(until + 1))[0]
    ?.getTime()
}

function toCron(schedule: string): Cron {
  return new Cron(schedule, { paused: true, timezone: 'UTC', alternativeWeekdays: true, mode: '5-part' })
}

class Job {
  #name: string
  #schedule: string
  #store: CronStore
  #options: SchedulerOptions
  #timer: NodeJS.Timeout | undefined
  #running = new Set<Promise<void>>()
  #stop = new AbortController()

  constructor(name: string, schedule: string, store: CronStore, options: SchedulerOptions) {
    this.#name = name
    this.#schedule = schedule
    this.#store = store
    this.#options = options
  }

  start(): void {
    const now = Date.now()
    this.#wait(nextTime(this.#schedule, now))
    this.#track(this.#resume(now))
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    clearTimeout(this.#timer)
    await Promise.all(this.#running)
  }

  /**
   * Resumes cron runs that were begun and never finished, and under `once` the latest time that nobody began.
   */
  async #resume(now: number): Promise<void> {
    try {
      for (const { scheduledTime } of await this.#store.open(this.#name)) this.#fire(scheduledTime)
      if (this.#options.missed !== 'once') return
      // If the cron store has no record of a cron, the app or its store is new, so no time was missed.
      const known = await this.#store.latest(this.#name)
      const last = lastTime(this.#schedule, now)
      if (known !== undefined && last !== undefined && last > known) this.#fire(last)
    } catch (error) {
      this.#report(
        'could not be looked up in the store of its claims at the ' +
          `start: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }

  #wait(next: number | undefined): void {
    if (next === undefined) return
    this.#timer = setTimeout(
      () => {
        // Node may fire a cron's timer a millisecond before its time.
        if (Date.now() < next) this.#wait(next)
        else this.#due(next)
      },
      Math.min(Math.max(next - Date.now(), 0), LONGEST_WAIT),
    )
  }

  #due(time: number): void {
    const now = Date.now()
    let latest = time
    let next = nextTime(this.#schedule, time)
    while (next !== undefined && next <= now) {
      latest = next
      next = nextTime(this.#schedule, next)
    }
    this.#fire(latest)
    this.#wait(next)
  }

  #fire(time: number): void {
    if (this.#stop.signal.aborted) return
    const { overlap, leaseSeconds = LEASE_SECONDS, retryDelays = RETRY_DELAYS } = this.#options
    this.#track(
      runCronTime({
        cron: this.#name,
        time,
        store: this.#store,
        leaseSeconds,
        retryDelays,
        alone: overlap === 'skip',
        run: (name, scheduledTime) => this.#options.run(name, scheduledTime),
        signal: this.#stop.signal,
        report: (what) => this.#report(what),
      }),
    )
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#running.delete(tracked))
    this.#running.add(tracked)
  }

  #report(what: string): void {
    const onError = this.#options.onError ?? ((message: string) => console.error(message))
    onError(`cron ${this.#name} ${what}.`)
  }
}
