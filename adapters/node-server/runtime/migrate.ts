import type { MigrateReport, RecordedReport } from '../../../core/adapter.ts'
import {
  migrate,
  type Migration,
  migrationStates,
  recordedMigrations,
  type RecordedMigrations,
} from '../../../core/bindings/migrations.ts'
import type { Runtime } from '../../../core/runtime/runtime.ts'
import { createNodeRuntime } from './node-runtime.ts'
import type { ServeOptions } from './serve-options.ts'

/**
 * Applies pending database migrations of each sql binding as an app starts. A database that a newer version
 * has migrated is accepted with a warning, since the app may be the older version after a rollback.
 */
export async function migrateAtStart(
  runtime: Runtime,
  migrations: Readonly<Record<string, readonly Migration[]>>,
): Promise<void> {
  for (const [binding, list] of Object.entries(migrations))
    await migrate(runtime.sqlDriver(binding), binding, list, (names) =>
      console.warn(
        `${binding}: the database has ${names.join(', ')}, which this version of the app does not: a newer ` +
          'version has migrated it.',
      ),
    )
}

/** Applies pending database migrations of each sql binding. */
async function migrateRuntime(
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
  const runtime = await createNodeRuntime(migratedPart(options))
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

/**
 * `node server.mjs migrations`: prints which migrations are applied and which are pending. Creates nothing,
 * not even the data folder.
 */
export async function listMigrations(options: ServeOptions): Promise<RecordedReport> {
  const runtime = await createNodeRuntime({ ...migratedPart(options), readOnly: true })
  try {
    const report: Record<string, RecordedMigrations> = {}
    for (const [binding, migrations] of Object.entries(options.migrations)) {
      const recorded = await recordedMigrations(runtime.sqlDriver(binding))
      report[binding] = recorded
      for (const { name, state, appliedAt, problem } of migrationStates(migrations, recorded.applied))
        console.log([`${binding}:`, state, name, appliedAt, problem].filter(Boolean).join(' '))
    }
    return report
  } finally {
    await runtime.close()
  }
}

/** Returns the options of an app that has only the sql bindings with migrations. */
function migratedPart(options: ServeOptions): ServeOptions {
  const { app } = options
  const bindings = Object.fromEntries(
    Object.entries(app.bindings).filter(([binding]) => Object.hasOwn(options.migrations, binding)),
  )
  return { ...options, app: { ...app, bindings } }
}
