import type { Runtime } from '../../../core/runtime/runtime.ts'
import type { WorkerContext } from './context.ts'
import type { NativeController } from './native.ts'

/**
 * Runs every cron of the app with the trigger's schedule. The platform knows schedules only, so two crons
 * with the same one both run.
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
  // Passed on, so that the platform's own log says that the run failed.
  if (failed.length > 0) throw failed[0]?.error
}
