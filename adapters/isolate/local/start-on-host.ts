import { randomUUID } from 'node:crypto'
import type { LocalRuntime, StartOptions } from '../../../core/adapter.ts'
import { DeployClient } from '../host/admin/client.ts'
import { type AppSettings, startHost } from '../host/index.ts'
import type { IsolateOptions } from '../options.ts'

/**
 * Runs the artifact on an `unmoor host`, deployed over the admin API as a user would deploy it, so that an
 * app's tests and the conformance suite run where the app will run. The app answers requests of every host
 * name.
 */
export async function startOnHost(options: StartOptions): Promise<LocalRuntime> {
  const { dir, info, dataDir, port, host, variables, testToken, inspectPort, onOutput } = options
  const token = randomUUID()
  const running = await startHost({
    overrides: { port, ...(host === undefined ? {} : { host }), dataDir, admin: { port: 0, token } },
    inspect: inspectPort === undefined ? [] : [{ app: info.manifest.name, port: inspectPort }],
    onOutput,
  })
  try {
    const client = new DeployClient({ url: running.adminUrl as string, token })
    await client.deploy(info.manifest.name, dir, {
      settings: {
        hosts: ['*'],
        secrets: variables,
        ...settingsOf(info.options),
        ...(testToken === undefined ? {} : { testToken }),
      },
    })
  } catch (error) {
    await running.stop()
    throw error
  }
  const stopped = Promise.withResolvers<number>()
  return {
    url: running.url,
    runtime: `unmoor host: ${running.runtime}`,
    get pids() {
      return running.pids
    },
    exited: stopped.promise,
    async stop() {
      await running.stop()
      stopped.resolve(0)
    },
  }
}

/** Converts the target's options to the settings of an app on a host. */
function settingsOf(options: IsolateOptions): AppSettings {
  const { memoryMb, cpuMs, outbound } = options
  const limits = {
    // The host that runs an app's tests serves no other app, so one app may use the main thread for all of
    // each second.
    hostMs: 1000,
    ...(memoryMb === undefined ? {} : { memoryMb }),
    ...(cpuMs === undefined ? {} : { cpuMs }),
  }
  return { limits, ...(outbound === undefined ? {} : { outbound }) }
}
