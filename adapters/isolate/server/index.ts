/**
 * `unmoor/internal/isolate/runtime`: the run-time half of the isolate target. Serves an app that runs in an
 * isolate; the generated entry calls {@link serve} and nothing else.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Manifest } from '../../../core/manifest.ts'
import { installGlobals } from '../../node-server/runtime/http/globals.ts'
import { listMigrations, runMigrations } from '../../node-server/runtime/migrate.ts'
import { runServer } from '../../node-server/runtime/run.ts'
import type { ServeOptions } from '../../node-server/runtime/serve-options.ts'
import type { IsolateOptions } from '../options.ts'
import { isDebugged } from './debugging.ts'
import { declaredApp } from './declared-app.ts'
import { loadIsolatedVm } from '../engine/isolated-vm.ts'
import { startAppServer } from './app-server.ts'
import type { CreateWorkerSockets } from './worker-sockets.ts'

installGlobals()

/**
 * Options that the generated entry passes to {@link serve}. The folder `dir` has `web-api.js` and `app.js`
 * too.
 */
export interface IsolateServeOptions extends Omit<ServeOptions, 'app' | 'name' | 'options'> {
  manifest: Manifest
  options: IsolateOptions
  /** Creates the server of an existing Worker's WebSockets; only in artifacts of Workers that use them. */
  workerSockets?: CreateWorkerSockets | undefined
}

/**
 * Runs the artifact: `node server.mjs` serves, `node server.mjs migrate` applies migrations and ends,
 * `node server.mjs migrations` lists them and ends.
 * Settings come from the environment, as for the Node target: `PORT` (default 3000), `HOST` (default
 * 127.0.0.1), `DATA_DIR` (default `data` in the working folder), and the app's variables and secrets. A start
 * that fails prints a message on stderr and exits with code 1.
 */
export async function serve(options: IsolateServeOptions): Promise<void> {
  const { manifest, dir } = options
  const serverOptions = { ...options, app: declaredApp(manifest), name: manifest.name }
  await runServer({
    name: manifest.name,
    stopTimeout: options.options.stopTimeout,
    // A debugging run has the app in this process, and `openDebugging` logs the app's unhandled rejections.
    ignoreUncaught: (_, what) => isDebugged() && what === 'unhandled rejection',
    migrate: () => runMigrations(serverOptions),
    migrations: () => listMigrations(serverOptions),
    async start() {
      const { ivm, version } = await loadIsolatedVm()
      const [webApi, app] = await Promise.all(
        ['web-api.js', 'app.js'].map((name) => readFile(join(dir, name), 'utf8')),
      )
      const sources = { webApi: webApi as string, app: app as string }
      const host = await startAppServer({ ...serverOptions, ivm, sources })
      return {
        ...host,
        runtime: `isolated-vm ${version} on node ${process.version} (V8 ${process.versions.v8})`,
      }
    },
  })
}
