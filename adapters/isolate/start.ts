import { fileURLToPath } from 'node:url'
import type { LocalRuntime, MigrateReport, StartOptions } from '../../core/adapter.ts'
import { UnmoorError } from '../../core/errors.ts'
import type { ServerRun, ServerSettings } from '../node-server/local/spawn-server.ts'
import { migrateServer, type ServerTarget, startServer } from '../node-server/local/start.ts'
import { inspectorFlags } from './inspector-flags.ts'
import { checkOptions } from './options.ts'

/** A process that a tenant took along is started again; more often than this within a minute means a crash at its start. */
const ISOLATE: ServerTarget = { title: 'isolate', settings: serverSettings, restartsPerMinute: 10 }

/** Runs the artifact's server.mjs in a child process, and again where a tenant took the process along. */
export async function start(options: StartOptions): Promise<LocalRuntime> {
  if (checkOptions(options.info.options).runtime === 'host') return (await import('./start-on-host.ts')).startOnHost(options)
  return startServer(ISOLATE, options)
}

/** Applies migrations with the artifact's own drivers. */
export function migrate(options: ServerRun & { url?: string | undefined }): Promise<MigrateReport> {
  return migrateServer(ISOLATE, options)
}

function serverSettings({ development, inspectPort }: ServerRun): ServerSettings {
  return {
    // isolated-vm asks for --no-node-snapshot: its isolates and node's own snapshot do not get along on every version.
    flags: ['--no-node-snapshot', ...(inspectPort === undefined ? [] : inspectorFlags(inspectPort))],
    inherit: ['UNMOOR_OUTBOUND_ALLOW'],
    variables: {
      UNMOOR_ISOLATED_VM: isolatedVmPath(),
      ...(development === true ? { UNMOOR_DEV: '1' } : {}),
      ...(inspectPort === undefined ? {} : { UNMOOR_DEBUG: '1' }),
    },
  }
}

/** Where isolated-vm is installed for this process: an artifact on the developer's machine has none beside it. */
function isolatedVmPath(): string {
  try {
    return fileURLToPath(import.meta.resolve('isolated-vm'))
  } catch (cause) {
    throw new UnmoorError('NotFound', 'The isolate target needs isolated-vm. Run: npm install isolated-vm@7', { operation: 'start', cause })
  }
}
