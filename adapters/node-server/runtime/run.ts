import process from 'node:process'
import type { MigrateReport, RecordedReport } from '../../../core/adapter.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { guardProcess, type ParentMessage, reportFailure, reportToParent, stopOnSignals } from './process.ts'
import type { ServerApp } from './server-app.ts'

/** Commands of an artifact's `server.mjs`, for {@link runServer}. */
export interface ServerCommands {
  /** The app's name, as the start message prints it. */
  name: string
  /** Seconds that a stop of the server waits for running work. Default: 30. */
  stopTimeout?: number | undefined
  /** Returns true for an uncaught error that is handled elsewhere. Default: none. */
  ignoreUncaught?: (error: unknown, what: string) => boolean
  migrate: () => Promise<MigrateReport>
  /** Prints which migrations are applied and which are pending, and changes nothing. */
  migrations: () => Promise<RecordedReport>
  /** Starts the server; `runtime` names what runs the app, such as `node v26.10.0`. */
  start: () => Promise<ServerApp & { readonly runtime: string }>
}

/**
 * Runs an artifact's `server.mjs` as its command line says: without an argument it serves, with `migrate` it
 * applies the migrations and ends, and with `migrations` it lists them and ends. A start that fails prints a
 * message on stderr and ends with exit code 1.
 */
export async function runServer({
  name,
  stopTimeout = 30,
  migrate,
  migrations,
  start,
  ignoreUncaught,
}: ServerCommands): Promise<void> {
  try {
    const command = process.argv[2]
    if (command === 'migrate') {
      await end({ type: 'migrated', report: await migrate() })
    } else if (command === 'migrations') {
      await end({ type: 'recorded', report: await migrations() })
    } else if (command === undefined) {
      const guard = guardProcess(ignoreUncaught)
      const app = await start()
      guard.serving(stopOnSignals((seconds) => app.stop(seconds), stopTimeout))
      await reportToParent({ type: 'listening', url: app.url, runtime: app.runtime })
      console.log(`${name} listens on ${app.url}`)
      if (app.adminUrl !== undefined) console.log(`${name} has its admin port on ${app.adminUrl}`)
    } else {
      throw new UnmoorError(
        'InvalidArgument',
        `Unknown command "${command}". Run "node server.mjs" to serve, "node server.mjs migrate" to apply ` +
          'migrations or "node server.mjs migrations" to list them.',
        { operation: 'start' },
      )
    }
  } catch (error) {
    await reportFailure(error)
  }
}

async function end(message: ParentMessage): Promise<void> {
  await reportToParent(message)
  process.exitCode = 0
  if (process.connected) process.disconnect?.()
}
