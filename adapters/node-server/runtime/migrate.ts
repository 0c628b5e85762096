import type { MigrateReport } from '../../../core/adapter.ts'
import { migrate, type Migration } from '../../../core/bindings/migrations.ts'
import type { Runtime } from '../../../core/runtime/runtime.ts'
import { createNodeRuntime } from './node-runtime.ts'
import type { ServeOptions } from './serve-options.ts'

/** Applies pending database migrations of each sql binding. */
export async function migrateRuntime(
  runtime: Runtime,
  migrations: Readonly<Record<string, readonly Migration[]>>,
): Promise<MigrateReport> {
  const report: Record<string, MigrateReport[string]> = {}
  for (const [binding, list] of Object.entries(migrations))
    report[binding] = await migrate(runtime.sqlDriver(binding), binding, list)
  return report
}

/**
 * `node server.mjs migrate`: applies migrations and prints a report. Opens only sql drivers, so that a
 * migration does not need the app's secrets.
 */
export async function runMigrations(options: ServeOptions): Promise<MigrateReport> {
  const { app } = options
  const migrated = Object.fromEntries(
    Object.entries(app.bindings).filter(([binding]) => Object.hasOwn(options.migrations, binding)),
  )
  const runtime = await createNodeRuntime({ ...options, app: { ...app, bindings: migrated } })
  try {
    const report = await migrateRuntime(runtime, options.migrations)
    for (const [binding, { applied, already }] of Object.entries(report)) {
      console.log(
        `${binding}: ${applied.length === 0 ? 'nothing to apply' : `applied ${applied.join(', ')}`} ` +
          `(${already.length} before)`,
      )
    }
    return report
  } finally {
    await runtime.close()
  }
}
