import { Cron } from 'croner'

/** Seconds until a run that threw is tried again, per retry; AWS's are the same for events that nobody waits for. */
const RETRY_DELAYS: readonly number[] = [60, 120]
/** setTimeout's longest is 24.8 days; a shorter one also notices a clock that was set. */
const LONGEST_WAIT = 60 * 60 * 1000

/** Options of {@link startScheduler}. */
export interface SchedulerOptions {
  /** Cron names to schedules: five fields in UTC. */
  crons: Readonly<Record<string, string>>
  /** Runs one time of a cron; tells whether it is to be tried again. It must not reject for a handler's throw. */
  run(name: string, scheduledTime: number): Promise<{ retry: boolean }>
  /**
   * What happens when a cron's time comes while its last run still works: `allow` runs both, as Cloudflare and EventBridge do; `skip` leaves the time out.
   * Default: `allow`.
   */
  overlap?: 'allow' | 'skip' | undefined
  /** Seconds before each retry after a throw; its length is the number of retries. Default: 60 and 120. */
  retryDelays?: readonly number[] | undefined
  /** Given what the scheduler leaves out or gives up. Default: console.error. */
  onError?: ((message: string) => void) | undefined
}

/** A running scheduler. */
export interface Scheduler {
  /** Fires nothing more and gives up waiting retries; resolves when the runs at work have ended. */
  stop(): Promise<void>
}

/**
 * Fires crons at their nominal minute. Times that passed while the process stood still (a suspended machine) are caught up by one run, of the latest;
 * times that passed while no process ran are not.
 */
export function startScheduler(options: SchedulerOptions): Scheduler {
  const jobs = Object.entries(options.crons).map(([name, schedule]) => new Job(name, schedule, options))
  for (const job of jobs) job.start()
  return {
    async stop() {
      await Promise.all(jobs.map((job) => job.stop()))
    },
  }
}

/** The first time of `schedule` after `after`, in milliseconds since 1970; undefined if there is none. Numbered weekdays count from Sunday as 1, as Cloudflare's do. */
export function nextTime(schedule: string, after: number): number | undefined {
  return new Cron(schedule, { paused: true, timezone: 'UTC', alternativeWeekdays: true, mode: '5-part' }).nextRun(new Date(after))?.getTime()
}

class Job {
  #name: string
  #schedule: string
  #options: SchedulerOptions
  #timers = new Set<NodeJS.Timeout>()
  #running = new Set<Promise<void>>()
  #stopped = false

  constructor(name: string, schedule: string, options: SchedulerOptions) {
    this.#name = name
    this.#schedule = schedule
    this.#options = options
  }

  start(): void {
    this.#wait(nextTime(this.#schedule, Date.now()))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    await Promise.all(this.#running)
  }

  #wait(next: number | undefined): void {
    if (next === undefined) return
    this.#after(Math.min(Math.max(next - Date.now(), 0), LONGEST_WAIT), () => {
      // Timers may fire a millisecond early.
      if (Date.now() < next) this.#wait(next)
      else this.#due(next)
    })
  }

  #due(time: number): void {
    const now = Date.now()
    let latest = time
    let next = nextTime(this.#schedule, time)
    while (next !== undefined && next <= now) {
      latest = next
      next = nextTime(this.#schedule, next)
    }
    if (this.#options.overlap === 'skip' && this.#running.size > 0) {
      this.#report(`is still running, so its time ${new Date(latest).toISOString()} was left out`)
    } else this.#fire(latest, 0)
    this.#wait(next)
  }

  #fire(time: number, attempt: number): void {
    const run = this.#options.run(this.#name, time).then(
      ({ retry }) => {
        if (retry) this.#retry(time, attempt)
      },
      (error: unknown) => this.#report(`failed: ${error instanceof Error ? error.message : String(error)}`),
    )
    this.#running.add(run)
    void run.then(() => this.#running.delete(run))
  }

  #retry(time: number, attempt: number): void {
    const seconds = (this.#options.retryDelays ?? RETRY_DELAYS)[attempt]
    if (seconds === undefined) this.#report(`failed ${attempt + 1} times at ${new Date(time).toISOString()} and was given up`)
    else if (!this.#stopped) this.#after(seconds * 1000, () => this.#fire(time, attempt + 1))
  }

  #after(milliseconds: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      work()
    }, milliseconds)
    this.#timers.add(timer)
  }

  #report(what: string): void {
    const onError = this.#options.onError ?? ((message: string) => console.error(message))
    onError(`cron ${this.#name} ${what}.`)
  }
}
