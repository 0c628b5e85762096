import { resolve } from 'node:path'
import { variable } from '../../../../core/bindings/declarations.ts'
import { createContext } from '../../../../core/context.ts'
import type { CronStore, CronStoreFactory } from '../../../../core/runtime/cron-store.ts'
import { resolveOptions, type Runtime } from '../../../../core/runtime/runtime.ts'
import { OBJECT_ALARMS } from '../../../../core/runtime/object-alarms.ts'
import type { CronOptions } from '../../options.ts'
import { keepEvent, runEvent, waitUntilFailed } from '../events.ts'
import { scheduledCrons, startAlarmClock } from './alarm-clock.ts'
import { type Scheduler, startScheduler } from './scheduler.ts'

/** A cron store with its options, as the generated entry pairs them. */
export interface BoundCronStore {
  // oxlint-disable-next-line typescript/no-explicit-any -- each store's factory checks options of its own
  create: CronStoreFactory<any>
  /** The cron store's options as JSON; `{ env: 'NAME' }` stands for the value of that variable. */
  options: Readonly<Record<string, unknown>>
}

/**
 * Starts an app's crons, and the clock for alarms of its Durable Objects. Without a cron store each process
 * runs every cron. Stopping the scheduler closes the store.
 */
export function startCrons(
  runtime: Pick<Runtime, 'app' | 'cron'>,
  { drivers }: Pick<Runtime, 'drivers'>,
  store: CronStore | undefined,
  options: CronOptions,
): Scheduler {
  const run = (name: string, scheduledTime: number): Promise<{ retry: boolean }> =>
    runEvent({ name: `cron ${name} at ${new Date(scheduledTime).toISOString()}` }, async () => {
      const ctx = createContext({ keep: keepEvent, onError: (error) => waitUntilFailed(error) })
      const outcome = await runtime.cron(name, scheduledTime, ctx)
      await ctx.settled()
      return outcome
    })
  const scheduler = startScheduler({
    crons: scheduledCrons(runtime),
    store,
    leaseSeconds: options.cronLease,
    overlap: options.cronOverlap,
    missed: options.cronMissed,
    run,
  })
  const alarms = startAlarmClock({
    runtime: { app: runtime.app, drivers },
    ring: (time) => run(OBJECT_ALARMS, time),
    onError: (message) => console.error(message),
  })
  return {
    async stop() {
      await Promise.all([scheduler.stop(), alarms?.stop()])
      await store?.close?.()
    },
  }
}

/** Opens the cron store that the config names. @throws the errors of the store's driver. */
export async function openCronStore(
  app: string,
  bound: BoundCronStore | undefined,
): Promise<CronStore | undefined> {
  if (bound === undefined) return undefined
  const context = {
    binding: 'cronStore',
    app,
    // A cron store belongs to no binding, but the context of its driver needs some binding's declaration.
    declaration: variable(),
    dataDir: resolve(process.env['DATA_DIR'] || 'data'),
    variable: (name: string) => process.env[name],
    now: Date.now,
  }
  return bound.create(resolveOptions(bound.options, context.binding, context), context)
}
