import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ArtifactInfo } from '../../../../core/adapter.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import { createRuntime, type Runtime } from '../../../../core/runtime/runtime.ts'
import { migrateAtStart } from '../../../node-server/runtime/migrate.ts'
import { declaredApp } from '../../server/declared-app.ts'
import type { IsolateFactory } from '../../engine/engine.ts'
import { exceptHandlers } from '../../server/isolate-runtime.ts'
import type { AppSockets } from './app-sockets.ts'
import type { AppRecord } from '../app-record.ts'
import { parseInfo } from '../artifact.ts'
import type { DriverDefaults } from '../driver-defaults.ts'
import { DiskQuota } from './disk-quota.ts'
import { HostTime } from './host-time.ts'
import { type CallApp, loadDrivers } from './drivers.ts'
import type { IsolatePool } from './isolate-pool.ts'
import type { UsageMeter } from './usage-meter.ts'
import type { DriverWatch } from './watched-driver.ts'

/** Functions and settings of the process that a tenant's parts use. */
export interface PartsHost {
  /** Source of the apps' isolate factories. */
  pool: Pick<IsolatePool, 'factory'>
  dataDir: string
  call: CallApp
  /** The host's drivers by kind of binding. */
  drivers: DriverDefaults
  /** True if other apps share this process's main thread. */
  isShared(): boolean
  /**
   * Checks the lease of Durable Objects. @throws `Unavailable` if this process may no longer use the app's
   * Durable Objects.
   */
  checkLease(): void
  /** Called when an app's migrations are about to be applied. Default: no call. */
  onMigrate?: (() => void) | undefined
  log(app: string, level: string, text: string): void
  /**
   * Returns the sockets of the app, shared by its versions. Undefined for an app without sockets, unless
   * `declares` is true.
   */
  sockets(record: AppRecord, declares: boolean): AppSockets | undefined
  /** True if the version is the app's current one. */
  isCurrent(record: AppRecord): boolean
  /** Called when work that may end the process begins or ends for the app. */
  onLong(app: string, running: boolean): void
  /** Called when the main thread is about to enter the app's isolate or run a statement for it. */
  onEnter(app: string): void
  /** Called when an entry into the app's isolate is over. */
  onLeave(app: string): void
  /** Called when an app's SQL statement blocked the main thread for that many milliseconds. */
  onHeldUp(app: string, milliseconds: number): void
}

/** Milliseconds that one SQL statement may block all tenants before it is reported. */
const HELD_UP_MS = 1000

/** Kinds of bindings that bring work to an app without a request: queue messages and alarms. */
const WAITED_FOR: ReadonlySet<string> = new Set(['queue', 'objects'])

interface Artifact {
  info: ArtifactInfo
  factory: IsolateFactory
}

/**
 * Parts of one version of an app in a process, besides its isolate: the artifact and the drivers. Each is
 * loaded once, and again after a release.
 */
export class TenantParts {
  #record: AppRecord
  #host: PartsHost
  #artifact: Promise<Artifact> | undefined
  #bindings: Promise<Runtime> | undefined
  #migrated: Promise<unknown> | undefined

  #bill: UsageMeter
  #calls = 0
  #time: HostTime

  /** @param bill Meter charged with the main thread's time that the app's statements took. */
  constructor(record: AppRecord, host: PartsHost, bill: UsageMeter) {
    this.#record = record
    this.#host = host
    this.#bill = bill
    this.#time = new HostTime({
      perSecond: host.isShared() ? record.limits.hostMs : Infinity,
      onHit: () => bill.hit('hostMs'),
    })
  }

  /** Loads the app's manifest and its isolate factory. */
  load(): Promise<Artifact> {
    this.#artifact ??= this.#read().catch((error: unknown) => {
      this.#artifact = undefined
      throw error
    })
    return this.#artifact
  }

  async #read(): Promise<Artifact> {
    const { dir, name } = this.#record
    const info = parseInfo(readFileSync(join(dir, 'unmoor.json'), 'utf8'), `"${name}"`)
    return { info, factory: this.#host.pool.factory(dir) }
  }

  /** Opens the app's drivers. */
  bindings(): Promise<Runtime> {
    this.#bindings ??= this.#open().catch((error: unknown) => {
      this.#bindings = undefined
      throw error
    })
    return this.#bindings
  }

  async #open(): Promise<Runtime> {
    const { info } = await this.load()
    const { manifest } = info
    const declares = Object.values(manifest.bindings).some(({ kind }) => kind === 'sockets')
    const sockets = this.#host.sockets(this.#record, declares)
    await sockets?.load()
    const runtime = await this.#openDrivers(info, sockets)
    if (this.#host.isCurrent(this.#record))
      await sockets?.declare(this.#record.version, manifest).catch(async (error: unknown) => {
        await runtime.close()
        throw error
      })
    return runtime
  }

  /**
   * Opens a second set of the drivers that bring work: queues and the storage of alarms. An app that waits
   * for work needs no other drivers. The caller closes the runtime.
   */
  async openBackground(): Promise<Runtime> {
    const { info } = await this.load()
    const bindings = Object.entries(info.manifest.bindings).filter(([, { kind }]) => WAITED_FOR.has(kind))
    return this.#openDrivers({
      ...info,
      manifest: { ...info.manifest, bindings: Object.fromEntries(bindings) },
    })
  }

  async #openDrivers(info: ArtifactInfo, sockets?: AppSockets): Promise<Runtime> {
    const { name, settings } = this.#record
    const { dataDir, drivers } = this.#host
    const call: CallApp = (app, request) => this.#call(app, request)
    const quota = new DiskQuota({
      folder: join(dataDir, 'apps', name),
      maxMb: this.#record.limits.diskMb,
      onHit: () => this.#bill.hit('diskMb'),
    })
    const checkLease = (): void => this.#host.checkLease()
    const variables = { ...settings.variables, ...settings.secrets }
    return createRuntime({
      app: declaredApp(info.manifest),
      name,
      drivers: await loadDrivers(this.#record, info, {
        call,
        defaults: drivers,
        watch: this.#watch(),
        checkLease,
        quota,
        maxResult: this.#record.limits.resultBytes,
        sockets,
      }),
      sockets: sockets?.transport,
      variable: (variable) => (Object.hasOwn(variables, variable) ? variables[variable] : undefined),
      dataDir: join(dataDir, 'apps', name),
      onError: (message, error) => this.#host.log(name, 'error', `${message} ${String(error)}`),
    })
  }

  // Calls between apps are limited by the number open at once, since an endless chain of calls between apps
  // keeps all of them open.
  async #call(app: string, request: Request): Promise<Response> {
    const { serviceCalls } = this.#record.limits
    if (this.#calls >= serviceCalls) {
      this.#bill.hit('serviceCalls')
      throw new UnmoorError(
        'LimitExceeded',
        `The app has its limit of serviceCalls, ${serviceCalls}, open: does it call itself? To raise it: ` +
          'limits.serviceCalls.',
        { operation: 'fetch', details: { limit: 'serviceCalls', max: serviceCalls } },
      )
    }
    this.#calls++
    try {
      return await this.#host.call(app, request)
    } finally {
      this.#calls--
    }
  }

  #watch(): DriverWatch {
    const { name } = this.#record
    return {
      begin: () => {
        // In this order: the app that is entered last is the one whose statement holds the main thread.
        this.#host.onLong(name, true)
        this.#host.onEnter(name)
      },
      end: (microseconds) => {
        this.#host.onLong(name, false)
        this.#bill.charge(microseconds)
        this.#time.take(microseconds)
        if (microseconds > HELD_UP_MS * 1000) this.#host.onHeldUp(name, microseconds / 1000)
      },
      turn: () => this.#time.turn(),
      tooLarge: () => this.#bill.hit('resultBytes'),
    }
  }

  /**
   * Applies the app's migrations, once. The isolate must have started before: a version whose isolate does
   * not start must not change data.
   */
  migrate(): Promise<unknown> {
    this.#migrated ??= this.#migrate().catch((error: unknown) => {
      this.#migrated = undefined
      throw error
    })
    return this.#migrated
  }

  async #migrate(): Promise<void> {
    const { info } = await this.load()
    if (Object.keys(info.migrations).length === 0) return
    this.#host.onMigrate?.()
    await migrateAtStart(await this.bindings(), info.migrations)
  }

  /** Closes the app's drivers and drops its artifact. No work of the tenant may be running. */
  async release(): Promise<void> {
    const bindings = this.#bindings
    this.#bindings = undefined
    this.#artifact = undefined
    const runtime = await bindings?.catch(() => {})
    await runtime?.close()
  }
}

/** Returns the drivers' runtime without its `close`, as the drivers outlive an isolate. */
export function withoutClose(host: Runtime): Runtime {
  return {
    ...exceptHandlers(host),
    fetch: (request, ctx) => host.fetch(request, ctx),
    queue: (binding, messages, ctx) => host.queue(binding, messages, ctx),
    cron: (name, time, ctx) => host.cron(name, time, ctx),
    close: async () => {},
  }
}
