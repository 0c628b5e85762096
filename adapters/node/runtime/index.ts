/**
 * `unmoor/node/runtime`: runs an app as a Node server. The generated entry calls {@link serve} and nothing else.
 */
import type { App } from '../../../core/app.ts'
import type { Migration } from '../../../core/bindings/migrations.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { BoundDriver } from '../../../core/runtime.ts'
import type { TestChannel } from '../../../core/test-channel.ts'
import type { NodeOptions } from '../options.ts'
import type { BoundCronStore } from './crons.ts'
import { installGlobals } from './globals.ts'
import { runMigrations } from './migrate.ts'
import { startNodeApp } from './node-app.ts'
import { reportFailure, reportToParent, stopOnSignals } from './process.ts'

// At import, which comes before the app's: what libraries capture of the globals must be what they see later.
installGlobals()

/** What {@link serve} is given by the generated entry. */
export interface ServeOptions {
  app: App
  name: string
  drivers: Readonly<Record<string, BoundDriver>>
  /** Where crons are claimed. Default: each process runs every cron. */
  cronStore?: BoundCronStore | undefined
  /** Per sql binding. */
  migrations: Readonly<Record<string, readonly Migration[]>>
  options: NodeOptions
  /** Folder of the artifact. */
  dir: string
  /** Only in artifacts built for tests. */
  testChannel?: TestChannel | undefined
}

/**
 * Runs the artifact: `node server.mjs` serves, `node server.mjs migrate` applies migrations and ends. Settings come from the environment:
 * `PORT` (default 3000), `HOST` (default 127.0.0.1), `DATA_DIR` (default `data` in the working folder), and the app's variables and secrets.
 * A failed start is a message on stderr and exit code 1.
 */
export async function serve(options: ServeOptions): Promise<void> {
  try {
    const command = process.argv[2]
    if (command === 'migrate') {
      await reportToParent({ type: 'migrated', report: await runMigrations(options) })
      process.exitCode = 0
      process.disconnect?.()
    } else if (command === undefined) {
      const app = await startNodeApp(options)
      stopOnSignals((seconds) => app.stop(seconds), options.options.stopTimeout ?? 30)
      await reportToParent({ type: 'listening', url: app.url, runtime: `node ${process.version}` })
      console.log(`${options.name} listens on ${app.url}`)
    } else {
      throw new UnmoorError(
        'InvalidArgument',
        `Unknown command "${command}". Run "node server.mjs" to serve or "node server.mjs migrate" to apply migrations.`,
        { operation: 'start' },
      )
    }
  } catch (error) {
    await reportFailure(error)
  }
}
