import { consumedQueues, consumeQueues, type Consumers } from '../../../../core/runtime/queue-consumer.ts'
import { createContext } from '../../../../core/context.ts'
import type { Runtime } from '../../../../core/runtime/runtime.ts'
import type { CronStore } from '../../../../core/runtime/cron-store.ts'
import { OBJECT_ALARMS } from '../../../../core/runtime/object-alarms.ts'
import { scheduledCrons, startAlarmClock } from '../../../node-server/runtime/crons/alarm-clock.ts'
import { startScheduler } from '../../../node-server/runtime/crons/scheduler.ts'
import type { BackgroundDuties } from '../messages.ts'
import type { Tenant } from './tenant.ts'

/** Running queues and crons of one app. */
export interface Background {
  stop(): Promise<void>
}

/** Opens the store in which the times of an app's crons are claimed. */
export type OpenCronStore = (app: string) => Promise<CronStore>

/** Starts the queues and crons of an app. The app's isolate is started by the first batch or run. */
export async function startBackground(
  tenant: Tenant,
  duties: BackgroundDuties,
  openCrons: OpenCronStore,
  onError: (message: string) => void,
): Promise<Background> {
  const runtime = await tenant.openBackground()
  try {
    const crons = scheduledCrons(runtime)
    const store =
      duties.crons && Object.keys(crons).length > 0 ? await openCrons(tenant.record.name) : undefined
    const consumers = duties.queues ? startConsumers(tenant, runtime, onError) : undefined
    const run = (name: string, scheduledTime: number): Promise<{ retry: boolean }> =>
      runCron(tenant, name, scheduledTime)
    const scheduler = store === undefined ? undefined : startScheduler({ crons, store, run, onError })
    const alarms = duties.crons
      ? startAlarmClock({ runtime, ring: (time) => run(OBJECT_ALARMS, time), onError })
      : undefined
    return {
      async stop() {
        await Promise.all([consumers?.stop(), scheduler?.stop(), alarms?.stop()])
        await store?.close?.()
        await runtime.close()
      },
    }
  } catch (error) {
    await runtime.close()
    throw error
  }
}

function startConsumers(tenant: Tenant, runtime: Runtime, onError: (message: string) => void): Consumers {
  return consumeQueues(consumedQueues(runtime), {
    handle: (binding, messages, ctx) =>
      tenant.event(async () => {
        try {
          return await (await tenant.open()).queue(binding, messages, ctx)
        } catch {
          // The app's isolate did not start, and the log says why. The queue messages are retried.
          return {
            settlements: messages.map(({ lease }) => ({
              lease,
              outcome: 'retry' as const,
              delaySeconds: 1,
            })),
          }
        }
      }),
    onError: (message, error) => onError(error instanceof Error ? `${message} ${error.message}` : message),
  })
}

function runCron(tenant: Tenant, name: string, scheduledTime: number): Promise<{ retry: boolean }> {
  return tenant.event(async () => {
    const ctx = createContext()
    const outcome = await (await tenant.open()).cron(name, scheduledTime, ctx)
    await ctx.settled()
    return outcome
  })
}
