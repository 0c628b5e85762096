import { consumedQueues, consumeQueues } from '../../../core/queue-consumer.ts'
import { createContext } from '../../../core/context.ts'
import { startScheduler } from '../../node/runtime/scheduler.ts'
import type { Tenant } from './tenant.ts'

/** Which of the work that comes by itself a process does: one process of a host takes queues, one process of all hosts crons. */
export interface BackgroundDuties {
  queues: boolean
  crons: boolean
}

/** Queues and crons of one app at work. */
export interface Background {
  stop(): Promise<void>
}

/** Starts them; the app's isolate is started by the first batch or run. */
export async function startBackground(tenant: Tenant, duties: BackgroundDuties, onError: (message: string) => void): Promise<Background> {
  const runtime = await tenant.bindings()
  const consumers = duties.queues
    ? consumeQueues(consumedQueues(runtime), {
        handle: (binding, messages, ctx) =>
          tenant.event(async () => {
            try {
              return await (await tenant.open()).queue(binding, messages, ctx)
            } catch {
              // Its isolate does not start: the log says why, the messages wait for their next attempt.
              return { settlements: messages.map(({ lease }) => ({ lease, outcome: 'retry' as const, delaySeconds: 1 })) }
            }
          }),
        onError: (message, error) => onError(error instanceof Error ? `${message} ${error.message}` : message),
      })
    : undefined
  const crons = Object.fromEntries(Object.entries(runtime.app.crons).map(([name, { schedule }]) => [name, schedule]))
  const scheduler = duties.crons
    ? startScheduler({
        crons,
        run: (name, scheduledTime) =>
          tenant.event(async () => {
            const ctx = createContext()
            const outcome = await (await tenant.open()).cron(name, scheduledTime, ctx)
            await ctx.settled()
            return outcome
          }),
        onError,
      })
    : undefined
  return {
    async stop() {
      await Promise.all([consumers?.stop(), scheduler?.stop()])
    },
  }
}
