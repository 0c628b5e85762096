/**
 * `unmoor/isolate/host`: many apps in isolates, in a few processes that share a port. `unmoor host` starts
 * it; README.md describes it.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UnmoorError } from '../../../core/errors.ts'
import { type Admin, startAdmin } from './admin/server.ts'
import { loadConfig, type HostConfig, type ResolvedConfig } from './config.ts'
import { Deploys } from './admin/deploys.ts'
import { errorText } from './error-text.ts'
import { awaitedLines, checkInspected, type InspectedApp } from './supervisor/inspect.ts'
import { Metering } from './admin/metering.ts'
import type { DeployStore } from './store/deploy-store.ts'
import { isSharedStore, openStore } from './store/open-store.ts'
import { keptSecret } from './store/seal.ts'
import { logRecord } from '../services/log.ts'
import { Owners } from './supervisor/owners.ts'
import { PortCertificates } from './supervisor/port-certificates.ts'
import { Supervisor } from './supervisor/supervisor.ts'

export type { OutboundRules } from '../services/outbound/rules.ts'
export type { AppSettings } from './app-record.ts'
export type { HostConfig } from './config.ts'
export type { HttpConfig } from './http-config.ts'
export type { DriverDefaults } from './driver-defaults.ts'
export type { InspectedApp } from './supervisor/inspect.ts'
export type { AppLimits, LimitSettings } from './limits.ts'
export type { GuardOptions } from './supervisor/process-guard.ts'
export type { CertificatePair, TlsConfig } from './tls/config.ts'
export type { Usage } from './usage.ts'

/** Options of {@link startHost}, which starts a host of many apps. */
export interface HostOptions {
  /** Folder of the app artifacts that the host serves. */
  dir?: string | undefined
  /** Path of the host's config file. */
  config?: string | undefined
  /** Host settings that take precedence over the config file's. */
  overrides?: HostConfig | undefined
  /**
   * Admin port; takes precedence over the config file's `admin.port`, as `adminHost` does over `admin.host`.
   */
  adminPort?: number | undefined
  adminHost?: string | undefined
  /**
   * Apps that accept a debugger. Each runs in a process of its own, without limits or isolation: for
   * development only. Default: none.
   */
  inspect?: readonly InspectedApp[] | undefined
  /** Receives log lines of the host and its apps. Default: this process's stderr. */
  onOutput?: ((line: string) => void) | undefined
}

/** Milliseconds between two saves of the apps' usage. */
const SAVE_MS = 2000
/** File in the data folder that holds the generated admin token when the operator set none. */
const TOKEN_FILE = 'admin.token'

/** A running host: many apps in one installation (`unmoor host`). */
export interface Host {
  readonly url: string
  readonly adminUrl: string | undefined
  /** Source of the admin token: the path of its file, or `as set` for a variable or the config. */
  readonly tokenFrom: string
  readonly runtime: string
  /** Names of the apps that the host serves. */
  readonly apps: readonly string[]
  /** Pids of the host's processes that serve apps; the spare process is not among them. */
  readonly pids: readonly number[]
  /** Pids of the processes that apps share; empty while the only one is being replaced. */
  readonly sharedPids: readonly number[]
  /** True if the host has a loaded spare process that waits to replace one that ends. */
  readonly spareIsReady: boolean
  /**
   * Reads all TLS certificates of the host again. The host also does so when their files change. No effect
   * without TLS.
   */
  reload(): Promise<void>
  stop(): Promise<void>
}

/**
 * Starts a host.
 *
 * @throws `InvalidArgument` for an invalid config, `Unavailable` for a port in use, `NotFound` if isolated-vm
 * is not installed.
 *
 * @example
 * ```ts
 * import { startHost } from 'unmoor/isolate/host'
 *
 * const host = await startHost({ overrides: { port: 0, apps: { links: { dir: './.unmoor/isolate' } } } })
 * console.log(host.url, host.apps)
 * await host.stop()
 * ```
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const config = await loadConfig(options, options.overrides)
  const onOutput = createOutput(options, config)
  const adminPort = options.adminPort ?? config.admin.port
  const inspected = await checkInspected(options.inspect ?? [], config, adminPort)
  const certificates =
    config.tls === undefined ? undefined : await PortCertificates.open(config.tls, onOutput)
  const store =
    adminPort !== undefined || config.storeIsGiven ? await openStore(config.store, config.dataDir) : undefined
  const metering = await Metering.open(config.dataDir)
  const supervisor: Supervisor = new Supervisor({
    config,
    inspected,
    forwardKey: store?.forwardKey,
    certificates,
    owners: store === undefined ? undefined : await createOwners(store, config, () => supervisor.port),
    isolatedVm: isolatedVmPath(),
    onOutput,
    onUsage: (app, usage) => metering.add(app, usage),
  })
  let admin: Admin | undefined
  let deploys: Deploys | undefined
  try {
    for (const line of sharingLines(config)) onOutput(line)
    if (store !== undefined) {
      deploys = new Deploys(store, config, onOutput)
      supervisor.add(await deploys.load())
    }
    for (const line of awaitedLines(inspected, supervisor.apps, deploys !== undefined)) onOutput(line)
    await supervisor.start()
    deploys?.follow(supervisor)
    if (adminPort !== undefined && deploys !== undefined) {
      const token =
        config.admin.token ?? (await keptSecret(join(config.dataDir, TOKEN_FILE), 'the admin token'))
      admin = await startAdmin(
        { ...config.admin, port: adminPort, host: options.adminHost ?? config.admin.host, token },
        { supervisor, metering, deploys, config, print: onOutput },
      )
    }
  } catch (error) {
    await supervisor.stop()
    await deploys?.stop()
    await metering.close()
    throw error
  }
  const saved = (work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => onOutput(`Usage could not be written: ${errorText(error)}`))
  const saving = setInterval(() => void saved(metering.save()), SAVE_MS)
  let stopped: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    clearInterval(saving)
    await admin?.close()
    await deploys?.pause()
    await supervisor.stop()
    await deploys?.stop()
    await saved(metering.close())
  }
  return {
    url: origin(config, supervisor.port),
    adminUrl: admin?.url,
    tokenFrom: config.admin.token === undefined ? join(config.dataDir, TOKEN_FILE) : 'as set',
    runtime: supervisor.runtime,
    get apps() {
      return supervisor.apps.map(({ name }) => name)
    },
    get pids() {
      return supervisor.pids
    },
    get sharedPids() {
      return supervisor.sharedPids
    },
    get spareIsReady() {
      return supervisor.spareIsReady
    },
    async reload() {
      await Promise.all([certificates?.reload(), admin?.reload()])
    },
    stop: () => (stopped ??= stop()),
  }
}

function createOutput({ onOutput }: HostOptions, { log }: ResolvedConfig): (text: string) => void {
  const print = onOutput ?? ((line: string) => void process.stderr.write(`${line}\n`))
  if (log === 'text') return print
  // Apps' log lines arrive as JSON objects from their processes. Lines of the host, and the text that V8
  // prints when it crashes, are plain and are wrapped in JSON here.
  return (line) => print(line.startsWith('{"time":') ? line : logRecord('info', line))
}

/**
 * Returns warnings for hosts that share a store: an address that they cannot reach, or crons that run on each
 * host.
 */
function sharingLines(config: ResolvedConfig): string[] {
  const { store, storeIsGiven, address, port, cronStore } = config
  const lines: string[] = []
  if (isSharedStore(store) && address === undefined)
    lines.push(
      `WARNING: other hosts of the store reach this one at ${origin(config, port)}. Set "address" if ` +
        'that is not so for them.',
    )
  if (storeIsGiven && cronStore.driver === 'sqlite')
    lines.push(
      'WARNING: crons run on each host of the store. Name a server: ' +
        '"cronStore": { "driver": "postgres", ... }',
    )
  return lines
}

async function createOwners(store: DeployStore, config: ResolvedConfig, port: () => number): Promise<Owners> {
  const host = await keptSecret(join(config.dataDir, 'host.id'), "the data folder's name in the store").catch(
    async (error: unknown) => {
      await store.close()
      throw error
    },
  )
  return new Owners({
    table: store.owners,
    identity: {
      host,
      instance: randomUUID(),
      get address() {
        return config.address ?? origin(config, port())
      },
    },
  })
}

function origin({ host, tls }: ResolvedConfig, port: number): string {
  return `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function isolatedVmPath(): string {
  try {
    return fileURLToPath(import.meta.resolve('isolated-vm'))
  } catch (cause) {
    throw new UnmoorError('NotFound', 'The host needs isolated-vm. Run: npm install isolated-vm@7', {
      operation: 'start',
      cause,
    })
  }
}
