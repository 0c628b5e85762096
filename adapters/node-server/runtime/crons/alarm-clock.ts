import type { ObjectsDriver } from '../../../../core/bindings/drivers.ts'
import { alarmTimes, OBJECT_ALARMS } from '../../../../core/runtime/object-alarms.ts'
import type { Runtime } from '../../../../core/runtime/runtime.ts'
import type { Scheduler } from './scheduler.ts'

/**
 * Milliseconds between two looks: at least, as a Worker that is at work rings its own alarms; and at most, as
 * it may have set one that this clock has not seen.
 */
const LEAST = 250
const MOST = 60_000

/** Options of {@link startAlarmClock}. */
export interface AlarmClockOptions {
  /** The app's runtime; its declarations and drivers are read. */
  runtime: Pick<Runtime, 'app' | 'drivers'>
  /** Runs the cron that rings what is due. */
  ring: (scheduledTime: number) => Promise<unknown>
  onError: (message: string) => void
}

/**
 * Rings the alarms of a Worker's Durable Objects that the Worker cannot ring itself: those of an earlier
 * process, at the start, and those whose isolate has been evicted. Undefined for an app without objects. It
 * needs no claim, as one process serves all objects of a folder.
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

  /** Rings if something is due, and sets the timer for what comes next. */
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

/** Names and schedules of the crons that the scheduler runs: all but the one for alarms. */
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
