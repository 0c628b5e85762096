import type { ObjectsDriver } from '../../../../core/bindings/drivers.ts'
import { alarmTimes, OBJECT_ALARMS } from '../../../../core/runtime/object-alarms.ts'
import type { Runtime } from '../../../../core/runtime/runtime.ts'
import type { Scheduler } from './scheduler.ts'

/**
 * Least milliseconds between two checks for due alarms of Durable Objects, since a running Worker fires its
 * own alarms. `MOST` bounds the wait too, since the Worker may have set an alarm that this clock has not
 * seen.
 */
const LEAST = 250
const MOST = 60_000

/** Options of {@link startAlarmClock}, which fires alarms of Durable Objects. */
export interface AlarmClockOptions {
  /** The app's runtime; the alarm clock reads its declarations and drivers. */
  runtime: Pick<Runtime, 'app' | 'drivers'>
  /** Runs the cron that fires due alarms of Durable Objects. */
  ring: (scheduledTime: number) => Promise<unknown>
  onError: (message: string) => void
}

/**
 * Fires alarms of Durable Objects that the Worker cannot fire itself: alarms of an earlier process at the
 * start, and alarms of evicted isolates. Returns undefined for an app without objects. The clock needs no
 * cron claim, as one process serves all objects of a data folder.
 */
export function startAlarmClock(options: AlarmClockOptions): Scheduler | undefined {
  const { app, drivers } = options.runtime
  const binding = Object.keys(app.bindings).find((name) => app.bindings[name]?.kind === 'objects')
  if (binding === undefined || !Object.hasOwn(app.crons, OBJECT_ALARMS)) return undefined
  const clock = new AlarmClock(drivers.get(binding) as ObjectsDriver, options)
  clock.look()
  return clock
}

class AlarmClock implements Scheduler {
  #driver: ObjectsDriver
  #options: AlarmClockOptions
  #timer: NodeJS.Timeout | undefined
  #running = new Set<Promise<void>>()
  #stopped = false

  constructor(driver: ObjectsDriver, options: AlarmClockOptions) {
    this.#driver = driver
    this.#options = options
  }

  /** Fires alarms of Durable Objects if one is due, and sets the timer for the next one. */
  look(): void {
    const now = Date.now()
    let wait = MOST
    try {
      const { first, next } = alarmTimes(this.#driver, now)
      if (first !== undefined && first <= now) this.#ring(now)
      if (next !== undefined) wait = Math.min(Math.max(next - now, LEAST), MOST)
    } catch (error) {
      this.#report(error)
    }
    this.#timer = setTimeout(() => this.look(), wait)
  }

  #ring(now: number): void {
    const work: Promise<void> = this.#options.ring(now).then(
      () => void this.#running.delete(work),
      (error: unknown) => {
        this.#running.delete(work)
        if (!this.#stopped) this.#report(error)
      },
    )
    this.#running.add(work)
  }

  #report(error: unknown): void {
    this.#options.onError(
      `The alarms of Durable Objects could not be looked at: ${error instanceof Error ? error.message : String(error)}`,
    )
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await Promise.all(this.#running)
  }
}

/**
 * Returns names and schedules of the crons that the scheduler runs: all but the cron that fires alarms of
 * Durable Objects.
 */
export function scheduledCrons({ app }: Pick<Runtime, 'app'>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(app.crons)
      .filter(([name]) => name !== OBJECT_ALARMS || !hasObjects(app))
      .map(([name, { schedule }]) => [name, schedule]),
  )
}

function hasObjects({ bindings }: Runtime['app']): boolean {
  return Object.values(bindings).some(({ kind }) => kind === 'objects')
}
