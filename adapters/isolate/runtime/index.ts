/**
 * `unmoor/isolate/runtime`: the host half. Serves an app that runs in an isolate; the generated entry calls {@link serve} and nothing else.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Migration } from '../../../core/bindings/migrations.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { Manifest } from '../../../core/manifest.ts'
import type { BoundDriver } from '../../../core/runtime.ts'
import type { TestChannel } from '../../../core/test-channel.ts'
import type { BoundCronStore } from '../../node/runtime/crons.ts'
import { installGlobals } from '../../node/runtime/globals.ts'
import { runMigrations } from '../../node/runtime/migrate.ts'
import { reportFailure, reportToParent, stopOnSignals } from '../../node/runtime/process.ts'
import type { IsolateOptions } from '../options.ts'
import { declaredApp } from './declared-app.ts'
import { loadIsolatedVm } from './isolated-vm.ts'
import { startHost } from './host.ts'

installGlobals()

/** What {@link serve} is given by the generated entry. */
export interface IsolateServeOptions {
  manifest: Manifest
  drivers: Readonly<Record<string, BoundDriver>>
  /** Where crons are claimed. Default: each process runs every cron. */
  cronStore?: BoundCronStore | undefined
  /** Per sql binding. */
  migrations: Readonly<Record<string, readonly Migration[]>>
  options: IsolateOptions
  /** Folder of the artifact, with `web-api.js` and `app.js`. */
  dir: string
  /** Only in artifacts built for tests. */
  testChannel?: TestChannel | undefined
}

/**
 * Runs the artifact: `node server.mjs` serves, `node server.mjs migrate` applies migrations and ends. Settings come from the environment, as for the Node target:
 * `PORT` (default 3000), `HOST` (default 127.0.0.1), `DATA_DIR` (default `data` in the working folder), and the app's variables and secrets.
 * A failed start is a message on stderr and exit code 1.
 */
export async function serve(options: IsolateServeOptions): Promise<void> {
  const { manifest, drivers, cronStore, migrations, dir, testChannel } = options
  const nodeOptions = { app: declaredApp(manifest), name: manifest.name, drivers, cronStore, migrations, options: {}, dir, testChannel }
  try {
    const command = process.argv[2]
    if (command === 'migrate') {
      await reportToParent({ type: 'migrated', report: await runMigrations(nodeOptions) })
      process.exitCode = 0
      if (process.connected) process.disconnect?.()
    } else if (command === undefined) {
      const { ivm, version } = await loadIsolatedVm()
      const [webApi, app] = await Promise.all(['web-api.js', 'app.js'].map((name) => readFile(join(dir, name), 'utf8')))
      const host = await startHost({ ...nodeOptions, manifest, options: options.options, ivm, sources: { webApi: webApi as string, app: app as string } })
      stopOnSignals((seconds) => host.stop(seconds), options.options.stopTimeout ?? 30)
      const runtime = `isolated-vm ${version} on node ${process.version} (V8 ${process.versions.v8})`
      await reportToParent({ type: 'listening', url: host.url, runtime })
      console.log(`${manifest.name} listens on ${host.url}`)
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
