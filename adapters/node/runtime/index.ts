/**
 * `unmoor/internal/node/runtime`: runs an app as a Node server. The generated entry calls {@link serve} and
 * nothing else.
 */
import process from 'node:process'
import { setDefaultVariables } from '../../../core/runtime/default-variables.ts'
import { installGlobals } from '../../node-server/runtime/http/globals.ts'
import { mapOutput } from '../../node-server/runtime/mapped-output.ts'
import { listMigrations, runMigrations } from '../../node-server/runtime/migrate.ts'
import { reportFailure } from '../../node-server/runtime/process.ts'
import { runServer } from '../../node-server/runtime/run.ts'
import type { ServeOptions } from '../../node-server/runtime/serve-options.ts'
import { startServerApp } from '../../node-server/runtime/server-app.ts'

export type { ServeOptions } from '../../node-server/runtime/serve-options.ts'

mapOutput(import.meta.url)
setDefaultVariables(process.env)
// Reports an error that the app's module throws at import: Node itself would print the line of the error, and
// the whole bundle is one line.
const failStart = (error: unknown): void => void reportFailure(error)
process.once('uncaughtException', failStart)
// The globals fetch, Request and Response are replaced before the app's modules run, since libraries may
// capture them at import.
installGlobals()

/**
 * Runs the artifact: `node server.mjs` serves, `node server.mjs migrate` applies migrations and ends,
 * `node server.mjs migrations` lists them and ends.
 * Settings come from the environment: `PORT` (default 3000), `HOST` (default 127.0.0.1), `DATA_DIR` (default
 * `data` in the working folder), and the app's variables and secrets. A failed start prints a message on
 * stderr and ends with exit code 1.
 */
export async function serve(options: ServeOptions): Promise<void> {
  process.off('uncaughtException', failStart)
  await runServer({
    name: options.name,
    stopTimeout: options.options.stopTimeout,
    migrate: () => runMigrations(options),
    migrations: () => listMigrations(options),
    start: async () => ({ ...(await startServerApp(options)), runtime: `node ${process.version}` }),
  })
}
