import type { LocalRuntime, MigrateReport, RecordedReport, StartOptions } from '../../../core/adapter.ts'
import {
  type MigrateRun,
  migrateServer,
  recordedByServer,
  type ServerTarget,
  startServer,
} from '../../node-server/local/start.ts'

const NODE: ServerTarget = {
  title: 'Node',
  settings: ({ development }) => ({ flags: development === true ? ['--enable-source-maps'] : [] }),
}

/** Runs the artifact's server.mjs in a child process. */
export function start(options: StartOptions): Promise<LocalRuntime> {
  return startServer(NODE, options)
}

/** Applies the app's database migrations with the artifact's own drivers. */
export function migrate(options: MigrateRun): Promise<MigrateReport> {
  return migrateServer(NODE, options)
}

/** Returns the migrations that the app's databases have recorded, read with the artifact's own drivers. */
export function recordedMigrations(options: MigrateRun): Promise<RecordedReport> {
  return recordedByServer(NODE, options)
}
