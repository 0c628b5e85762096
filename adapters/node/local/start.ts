import type { LocalRuntime, MigrateReport, StartOptions } from '../../../core/adapter.ts'
import type { ServerRun } from '../../node-server/local/spawn-server.ts'
import { migrateServer, type ServerTarget, startServer } from '../../node-server/local/start.ts'

const NODE: ServerTarget = {
  title: 'Node',
  settings: ({ development }) => ({ flags: development === true ? ['--enable-source-maps'] : [] }),
}

/** Runs the artifact's server.mjs in a child process. */
export function start(options: StartOptions): Promise<LocalRuntime> {
  return startServer(NODE, options)
}

/** Applies the app's database migrations with the artifact's own drivers. */
export function migrate(options: ServerRun & { url?: string | undefined }): Promise<MigrateReport> {
  return migrateServer(NODE, options)
}
