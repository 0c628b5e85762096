import { fileURLToPath } from 'node:url'
import type { LocalRuntime, MigrateReport, RecordedReport, StartOptions } from '../../../core/adapter.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { ServerRun, ServerSettings } from '../../node-server/local/spawn-server.ts'
import {
  type MigrateRun,
  migrateServer,
  recordedByServer,
  type ServerTarget,
  startServer,
} from '../../node-server/local/start.ts'
import { inspectorFlags } from '../engine/inspector-flags.ts'
import { checkOptions } from '../build/check-options.ts'

/**
 * The local server of the isolate target is restarted when its process ends: an app can end it, for example
 * by using up its memory.
 */
const ISOLATE: ServerTarget = { title: 'isolate', settings: serverSettings, restartsPerMinute: 10 }

/** Runs the artifact's server.mjs in a child process, which is started again if the app ends it. */
export async function start(options: StartOptions): Promise<LocalRuntime> {
  if (checkOptions(options.info.options).runtime === 'host')
    return (await import('./start-on-host.ts')).startOnHost(options)
  return startServer(ISOLATE, options)
}

/** Applies an app's migrations with the artifact's own drivers. */
export function migrate(options: MigrateRun): Promise<MigrateReport> {
  return migrateServer(ISOLATE, options)
}

/** Returns the migrations that an app's databases have recorded, read with the artifact's own drivers. */
export function recordedMigrations(options: MigrateRun): Promise<RecordedReport> {
  return recordedByServer(ISOLATE, options)
}

function serverSettings({ development, inspectPort }: ServerRun): ServerSettings {
  return {
    // isolated-vm asks for --no-node-snapshot: with node's own snapshot, isolates crash on some versions of
    // node.
    flags: ['--no-node-snapshot', ...(inspectPort === undefined ? [] : inspectorFlags(inspectPort))],
    inherit: ['UNMOOR_OUTBOUND_ALLOW'],
    variables: {
      UNMOOR_ISOLATED_VM: isolatedVmPath(),
      ...(development === true ? { UNMOOR_DEV: '1' } : {}),
      ...(inspectPort === undefined ? {} : { UNMOOR_DEBUG: '1' }),
    },
  }
}

/**
 * Returns the path of the isolated-vm that this process uses: an artifact on a developer's machine has no
 * isolated-vm beside it.
 */
function isolatedVmPath(): string {
  try {
    return fileURLToPath(import.meta.resolve('isolated-vm'))
  } catch (cause) {
    throw new UnmoorError(
      'NotFound',
      'The isolate target needs isolated-vm. Run: npm install isolated-vm@7',
      { operation: 'start', cause },
    )
  }
}
