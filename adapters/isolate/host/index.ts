/**
 * `unmoor/isolate/host`: many apps in isolates, in a few processes that share a port. `unmoor host` starts it; README.md describes it.
 */
import { fileURLToPath } from 'node:url'
import { UnmoorError } from '../../../core/errors.ts'
import { type Admin, startAdmin } from './admin.ts'
import { loadConfig, type HostConfig } from './config.ts'
import { Metering } from './metering.ts'
import { Supervisor } from './supervisor.ts'

export type { AppSettings } from './app-record.ts'
export type { HostConfig } from './config.ts'
export type { AppLimits } from './limits.ts'
export type { Usage } from './usage.ts'

/** Options of {@link startHost}. */
export interface HostOptions {
  /** A folder of artifacts. */
  dir?: string | undefined
  /** A config file. */
  config?: string | undefined
  /** What comes before the config file's. */
  overrides?: HostConfig | undefined
  /** Comes before the config file's `admin.port` and `admin.host`. */
  adminPort?: number | undefined
  adminHost?: string | undefined
  /** Lines of the host and its apps. Default: this process's stderr. */
  onOutput?: ((line: string) => void) | undefined
}

/** A running host. */
export interface Host {
  readonly url: string
  readonly adminUrl: string | undefined
  readonly runtime: string
  /** Names of the apps that are served. */
  readonly apps: readonly string[]
  /** Pids of the processes that serve; the one that waits for one of them to end is not among them. */
  readonly pids: readonly number[]
  /** Whether a loaded process waits to take the place of one that ends. */
  readonly spareIsReady: boolean
  stop(): Promise<void>
}

/** Starts a host. @throws `InvalidArgument` for a config that does not hold, `Unavailable` for a port in use, `NotFound` where isolated-vm is missing. */
export async function startHost(options: HostOptions): Promise<Host> {
  const config = await loadConfig(options, options.overrides)
  const onOutput = options.onOutput ?? ((line: string) => void process.stderr.write(`${line}\n`))
  const metering = new Metering()
  const supervisor = new Supervisor({ config, isolatedVm: isolatedVmPath(), onOutput, onUsage: (app, usage) => metering.add(app, usage) })
  const adminPort = options.adminPort ?? config.admin.port
  let admin: Admin | undefined
  try {
    await supervisor.start()
    if (adminPort !== undefined)
      admin = await startAdmin({ ...config.admin, port: adminPort, host: options.adminHost ?? config.admin.host }, supervisor, metering)
  } catch (error) {
    await supervisor.stop()
    throw error
  }
  return {
    url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${supervisor.port}`,
    adminUrl: admin?.url,
    runtime: supervisor.runtime,
    get apps() {
      return supervisor.apps.map(({ name }) => name)
    },
    get pids() {
      return supervisor.pids
    },
    get spareIsReady() {
      return supervisor.spareIsReady
    },
    async stop() {
      await admin?.close()
      await supervisor.stop()
    },
  }
}

function isolatedVmPath(): string {
  try {
    return fileURLToPath(import.meta.resolve('isolated-vm'))
  } catch (cause) {
    throw new UnmoorError('NotFound', 'The host needs isolated-vm. Run: npm install isolated-vm@7', { operation: 'start', cause })
  }
}
