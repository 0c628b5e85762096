import type { Runtime } from '../../../core/runtime/runtime.ts'
import type { WorkerContext } from './context.ts'
import type { NativeController } from './native.ts'

/**
 * Runs every cron whose schedule equals the cron trigger's. Cloudflare reports only the schedule, so two
 * crons with the same schedule both run.
 */
export async function runCrons(
  runtime: Runtime,
  controller: NativeController,
  ctx: WorkerContext,
): Promise<void> {
  const names = Object.entries(runtime.app.crons).flatMap(([name, { schedule }]) =>
    schedule === controller.cron ? [name] : [],
  )
  const results = await Promise.all(names.map((name) => runtime.cron(name, controller.scheduledTime, ctx)))
  ctx.answered()
  const failed = results.filter(({ error }) => error !== undefined)
  if (failed.length > 0 && failed.every(({ retry }) => !retry)) controller.noRetry()
  // The first error is rethrown so that Cloudflare's own log reports the failed cron run.
  if (failed.length > 0) throw failed[0]?.error
}
