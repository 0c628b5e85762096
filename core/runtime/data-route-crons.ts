/** The operations of the data route on an app's crons, for `unmoor cron`. */
import type { App } from '../app.ts'
import type { Context } from '../context.ts'
import { isUnmoorError, UnmoorError } from '../errors.ts'
import { OBJECT_ALARMS } from './object-alarms.ts'

/** The requests on crons that the data route answers. */
export type CronRequest = { op: 'cron.list' } | { op: 'cron.run'; name: string }

/** One cron, as the operation `cron.list` of the data route answers it. */
export interface ListedCron {
  name: string
  /** The cron's schedule as the app declared it: five fields in UTC. */
  schedule: string
}

/** One run of a cron, as the operation `cron.run` of the data route answers it. */
export interface CronRun {
  name: string
  /** Milliseconds since 1970: the time of the run, since nothing scheduled it. */
  scheduledTime: number
  /** Milliseconds by the deployment's clock, which on Cloudflare only moves when the handler does I/O. */
  duration: number
  /** What the handler threw. `code` is that of an UnmoorError. */
  error?: { name: string; message: string; code?: string }
}

/** Returns the crons of the app, without the one that fires alarms of Durable Objects. */
export function listCrons({ bindings, crons }: App): ListedCron[] {
  const hasObjects = Object.values(bindings).some(({ kind }) => kind === 'objects')
  return Object.entries(crons)
    .filter(([name]) => name !== OBJECT_ALARMS || !hasObjects)
    .map(([name, { schedule }]) => ({ name, schedule }))
}

/**
 * Calls the handler of a cron once, now, with the event that its target would make. A throw of the handler is
 * an answer, and is never retried.
 *
 * @throws `NotFound` naming the app's crons.
 */
export async function runCron(
  app: App,
  name: string,
  env: Readonly<Record<string, unknown>>,
  ctx: Context,
): Promise<CronRun> {
  const known = listCrons(app).map((cron) => cron.name)
  const cron = known.includes(name) ? app.crons[name] : undefined
  if (cron === undefined)
    throw new UnmoorError(
      'NotFound',
      `This app has no cron ${JSON.stringify(name)}. It has: ${known.join(', ') || 'none'}.`,
      { operation: 'cron' },
    )
  const scheduledTime = Date.now()
  const event = {
    name,
    cron: cron.schedule,
    scheduledTime,
    type: 'scheduled' as const,
    // Nothing retries a run of the data route, so there is nothing to turn off.
    noRetry() {},
  }
  try {
    await cron.run(event, env as never, ctx)
    return { name, scheduledTime, duration: Date.now() - scheduledTime }
  } catch (error) {
    const duration = Date.now() - scheduledTime
    // The stack stays in the deployment's log, where that of a scheduled run would be.
    console.error(`cron ${name} at ${new Date(scheduledTime).toISOString()} failed:`, error)
    return { name, scheduledTime, duration, error: describe(error) }
  }
}

function describe(error: unknown): NonNullable<CronRun['error']> {
  if (!(error instanceof Error)) return { name: typeof error, message: String(error) }
  const { name, message } = error
  return isUnmoorError(error) ? { name, message, code: error.code } : { name, message }
}
