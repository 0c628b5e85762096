/**
 * A child process of a host: accepts on the shared port and runs apps in isolates. Started by
 * `supervisor.ts`; it waits, loaded, until it is told to serve.
 */
import type { Server } from 'node:http'
import { url as debuggerUrl } from 'node:inspector'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { variable } from '../../../../core/bindings/declarations.ts'
import type { CronStore, CronStoreFactory } from '../../../../core/runtime/cron-store.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import { catchUncaught } from '../../../node-server/runtime/events.ts'
import { installGlobals } from '../../../node-server/runtime/http/globals.ts'
import { isClientGone } from '../../../node-server/runtime/http/client-gone.ts'
import { createLimitedServer } from '../../../node-server/runtime/http/limited-server.ts'
import type { HttpListener, Upgrades } from '../../../node-server/runtime/http/upgrades.ts'
import { beginUpgrade } from '../../../node-server/runtime/web-sockets/begin-upgrade.ts'
import { asksForSocket, Upgrade } from '../../../node-server/runtime/web-sockets/upgrade.ts'
import { InlineWatch } from '../../engine/inline-watch.ts'
import { loadIsolatedVm } from '../../engine/isolated-vm.ts'
import { printLog, printRecord } from '../../services/log.ts'
import { vmModule } from '../../engine/vm-isolate-factory.ts'
import { ApartApps } from './apart-apps.ts'
import { callOwnProcess } from './call-own-process.ts'
import { drain } from './drain.ts'
import { loadModule } from '../driver-module.ts'
import { IsolatePool } from './isolate-pool.ts'
import { InspectedIsolates } from './inspected-isolates.ts'
import type { ToSupervisor, ToWorker, WorkerSettings } from '../messages.ts'
import { comeBackMs, type FindPlace, passOn, takePeer } from './forward.ts'
import { forwarded } from './host-forward.ts'
import { Lease } from './lease.ts'
import { SocketRelay } from './socket-relay.ts'
import { Tunnels } from './tunnels.ts'
import { lowerPriority } from './priority.ts'
import { refuse } from './refuse.ts'
import { TlsContexts } from '../tls/contexts.ts'
import { Suspects } from '../suspects.ts'
import { Tenants } from './tenants.ts'

installGlobals()
// The supervisor sets the semi-space size for this process's own heap only. It is reset for isolates, which
// isolated-vm sizes by their memory limits.
setFlagsFromString('--max-semi-space-size=0')

const USAGE_MS = 1000
/** Maximum seconds for killing an app's old process and starting its successor. */
const START_SECONDS = 30
/** Milliseconds that other apps' requests have to finish when this process must end. */
const LAST_WORDS_MS = 50

function ignore(): void {}

function say(message: ToSupervisor): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}

const relay = new SocketRelay((message, whenSent = ignore) => {
  if (process.connected) process.send?.(message, undefined, undefined, whenSent)
})
const tunnels = new Tunnels()

const { ivm, version } = await loadIsolatedVm()
const suspects = new Suspects(process.env['UNMOOR_HOST_SUSPECTS'] as string)
let tenants: Tenants | undefined
let server: Server | undefined
let tls: TlsContexts | undefined
let pool: IsolatePool | undefined
let inspected: InspectedIsolates | undefined
/**
 * True once HTTP requests may reach this process. Usage before that belongs to a trial and is not reported.
 */
let serving = false
/** True if this process serves one app alone (its own process). */
let alone = false
const watch = new InlineWatch(ivm)
const apart = new ApartApps()
/** Lease of the Durable Objects of the app that this process serves alone; endless for an app without any. */
const lease = new Lease(() => {
  printLog('error', "The lease of the app's objects has run out: this process ends.")
  process.kill(process.pid, 'SIGKILL')
})
let stopSeconds = 30
function placeOf(app: string): ReturnType<FindPlace> {
  return apart.placeOf(app) ?? apart.whenServed(app, replaceMs())
}

/**
 * Finds the location of an app for a request that other hosts have forwarded `hops` times. If the app is
 * elsewhere, waits a moment, as the owner may be changing.
 */
async function placeAfter(app: string, hops: number): Promise<Awaited<ReturnType<FindPlace>>> {
  if (typeof apart.placeOf(app) === 'object') await apart.changed(comeBackMs(hops, replaceMs()))
  return placeOf(app)
}

/**
 * Milliseconds that requests wait for the process of an app's new version: the old one may take `stopTimeout`
 * to end.
 */
const replaceMs = (): number => (stopSeconds + START_SECONDS) * 1000
let stopping = false

process.on('message', (message: ToWorker) => {
  void handle(message).catch((error: unknown) => {
    say({ type: 'failed', error: asUnmoorError(error).toJSON() })
  })
})

async function handle(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'prepare': {
      tenants ??= createTenants(message.settings)
      for (const dir of message.dirs) await pool?.warm(dir)
      say({ type: 'prepared' })
      return
    }
    case 'probe': {
      const onMigrate = (): void => say({ type: 'migrating', id: message.id })
      const error = await tenants?.probe(message.app, onMigrate).then(
        () => undefined,
        (error: unknown) => asUnmoorError(error).toJSON(),
      )
      say({ type: 'probed', id: message.id, error })
      return
    }
    case 'serve':
      stopSeconds = message.settings.stopSeconds
      apart.update(message.apart)
      tenants ??= createTenants(message.settings)
      if (message.settings.leaseUntil !== undefined) lease.renew(message.settings.leaseUntil)
      serving = true
      alone = message.settings.socket !== undefined
      // A process that serves one app has a lower priority than the processes that apps share.
      if (message.settings.socket !== undefined) lowerPriority()
      tenants.update(message.apps, [])
      server = await listen(
        message.settings,
        tenants,
        message.settings.socket === undefined ? undefined : message.apps[0]?.name,
      )
      say({
        type: 'listening',
        port: message.settings.socket === undefined ? (server.address() as AddressInfo).port : 0,
      })
      showSources()
      await tenants.setDuties(message.duties)
      return
    case 'apps':
      try {
        apart.update(message.apart)
        tenants?.update(message.set, message.remove)
        void tenants?.leaveSockets(apart.names)
      } finally {
        say({ type: 'done', id: message.id })
      }
      showSources()
      return
    case 'apart':
      apart.update(message.apart)
      // An app that has moved to a process of its own no longer needs its resources in this process.
      for (const name of apart.names) void tenants?.leave(name)
      return
    case 'tls':
      if (server !== undefined) tls?.use(message.tls, server)
      return
    case 'lease':
      return lease.renew(message.until)
    case 'sockets':
      return relay.receive(message)
    case 'duties':
      return tenants?.setDuties(message.duties)
    case 'usage':
      await tenants?.measureMemory()
      reportUsage(message.id)
  }
}

function asUnmoorError(error: unknown): UnmoorError {
  return error instanceof UnmoorError ? error : new UnmoorError('Internal', errorStack(error))
}

function errorStack(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function createTenants(settings: WorkerSettings): Tenants {
  const lose = (app: string, text: string): void => {
    say({ type: 'fatal', app, message: text })
    printLog('error', `${app}: V8 has lost control of an isolate (${text}). The process ends.`)
    server?.close()
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), LAST_WORDS_MS)
  }
  const log =
    settings.log === 'json'
      ? printRecord
      : (app: string, level: string, text: string) => printLog(level, `[${app}] ${text}`)
  const { inspected: app } = settings
  if (app === undefined)
    pool = new IsolatePool(ivm, {
      pool: settings.pool,
      memoryMb: settings.poolMemoryMb,
      onCatastrophe: (text) => lose('', text),
      watch,
    })
  else inspected = new InspectedIsolates(app, (level, text) => log(app, level, text))
  return new Tenants({
    ivm: inspected === undefined ? ivm : vmModule,
    pool: inspected ?? (pool as IsolatePool),
    dataDir: settings.dataDir,
    watch: inspected === undefined ? watch : undefined,
    maxIsolates: settings.maxIsolates,
    maxProcessMb: settings.maxProcessMb,
    drivers: settings.drivers,
    outbound: settings.outbound,
    trustProxy: settings.http.trustProxy,
    callOwnProcess(app, request) {
      if (settings.socket !== undefined || !apart.has(app)) return undefined
      return callOwnProcess(request, app, () => placeOf(app), settings.forwardKey)
    },
    checkLease: () => lease.check(),
    relay,
    isShared: () => !alone,
    openCrons: (app) => openCrons(settings, app),
    log,
    onLong: (app, running) => suspects.set(app, running),
    onEnter: (app) => suspects.enter(app),
    onLeave: (app) => suspects.leave(app),
    onHeldUp: (app, milliseconds) => say({ type: 'heldUp', app, milliseconds }),
    onCatastrophe: lose,
  })
}

/**
 * Starts an app under a debugger before its first request, so that breakpoints can be set in loaded sources.
 */
function showSources(): void {
  if (inspected === undefined) return
  // The app's log already says why the app does not start.
  tenants
    ?.get(inspected.app)
    ?.open()
    .catch(() => {})
}

/** Opens the store in which an app's crons are claimed: a file of the app, or the operator's database. */
async function openCrons({ cronStore, dataDir }: WorkerSettings, app: string): Promise<CronStore> {
  const { driver, ...options } = cronStore
  const { cronStore: create } = (await loadModule(`${driver}/cron`, 'cronStore')) as {
    cronStore: CronStoreFactory<object>
  }
  return create(options, {
    binding: 'cronStore',
    app,
    declaration: variable(),
    dataDir: join(dataDir, 'apps', app),
    variable: () => undefined,
    now: Date.now,
  })
}

function listen(settings: WorkerSettings, tenants: Tenants, only: string | undefined): Promise<Server> {
  if (settings.tls !== undefined) tls = new TlsContexts(settings.tls, settings.forwardKey)
  const listener: HttpListener = (incoming, outgoing, upgrade) => {
    // A request under an expired lease waits a turn of the event loop: a renewal may have arrived meanwhile.
    if (lease.isOver) setImmediate(() => serve(incoming, outgoing, upgrade))
    else serve(incoming, outgoing, upgrade)
  }
  const serve: HttpListener = (incoming, outgoing, upgrade) => {
    if (stopping) outgoing.shouldKeepAlive = false
    const target = incoming.url as string
    const passed = only === undefined ? forwarded(settings.forwardKey, incoming) : undefined
    const named = only ?? passed?.app
    if (named !== undefined) takePeer(incoming)
    if (lease.isOver) return refuse(outgoing, 503, "this host's lease of the app's objects has run out")
    if (only !== undefined) lease.guard(outgoing)
    const route = named === undefined ? tenants.find(incoming.headers.host, target) : { app: named, target }
    if (route === undefined)
      return refuse(
        outgoing,
        404,
        `no app of this host answers for ${JSON.stringify(incoming.headers.host ?? '')}`,
      )
    if (only === undefined && apart.has(route.app))
      return passOn(incoming, outgoing, {
        ...route,
        findPlace: () => (passed === undefined ? placeOf(route.app) : placeAfter(route.app, passed.hops)),
        forwardKey: settings.forwardKey,
        hops: passed?.hops ?? 0,
        upgrade: upgrade instanceof Upgrade ? { request: upgrade, tunnels } : undefined,
      })
    const tenant = tenants.get(route.app)
    if (tenant === undefined) return refuse(outgoing, 503, 'the app is being removed')
    tenant.handle(incoming, outgoing, route.target, upgrade)
  }
  const upgrades: Upgrades = {
    isUpgrade: asksForSocket,
    begin: (incoming, socket, head, answer) =>
      beginUpgrade({ incoming, socket, head }, answer, () => !stopping),
  }
  const created = createLimitedServer(listener, settings.http, tls?.options, upgrades)
  return new Promise((resolve, reject) => {
    created.once('error', (error: NodeJS.ErrnoException) => {
      const where = settings.socket ?? `port ${settings.port} on ${settings.host}`
      const message =
        error.code === 'EADDRINUSE'
          ? `${where} is in use by another process.`
          : `The host cannot listen on ${where}: ${error.message}`
      reject(new UnmoorError('Unavailable', message, { operation: 'start', cause: error }))
    })
    const options =
      settings.socket === undefined
        ? { port: settings.port, host: settings.host, reusePort: true }
        : { path: settings.socket }
    created.listen({ ...options, backlog: 1024 }, () => resolve(created))
  })
}

function reportUsage(id?: number): void {
  if (tenants === undefined) return
  if (!serving) return say({ type: 'alive' })
  say({ type: 'usage', id, apps: tenants.takeUsage(), live: tenants.live, waiting: pool?.waiting ?? 0 })
}

let isChecking = false
async function checkMemory(): Promise<void> {
  if (isChecking) return
  // Only one memory check runs at a time: measuring an isolate that is computing waits until it has finished.
  isChecking = true
  await tenants?.checkOutside()
  const unknown = serving && !alone ? await tenants?.unknownMemory() : undefined
  if (unknown !== undefined && unknown.apps.length > 0) say({ type: 'unknownMemory', ...unknown })
  isChecking = false
}

const timer = setInterval(() => {
  reportUsage()
  void tenants?.relieve()
  void checkMemory()
}, USAGE_MS)

async function stop(exitCode = 0): Promise<void> {
  if (stopping) return
  stopping = true
  say({ type: 'stopping' })
  clearInterval(timer)
  const closed = tenants?.closeSockets(stopSeconds)
  tunnels.close()
  if (server !== undefined) await drain(server, stopSeconds, typeof server.address() === 'string')
  await closed
  await tenants?.close(1)
  reportUsage()
  pool?.close()
  await watch.close()
  suspects.close()
  // process.exit() right after disposing of an isolate has crashed; after a short wait it does not.
  await sleep(20)
  process.exit(exitCode)
}

process.on('SIGTERM', () => void stop())
// Ctrl-C sends SIGINT to the whole process group; only the supervisor decides when a child process stops.
process.on('SIGINT', () => {})
// A closing terminal sends SIGHUP to the whole process group; only the supervisor acts on it and reads the
// TLS certificates again.
process.on('SIGHUP', () => {})
process.once('disconnect', () => void stop())
// Errors caused by an app end only its isolate (`isolate-app.ts`). After any other error the process's state
// is unknown: it finishes what runs, and the supervisor starts another process.
catchUncaught({
  log: (message, error) => printLog('error', `${message} ${errorStack(error)}`),
  noEvent(error, what) {
    if (inspected !== undefined && what === 'unhandled rejection') return inspected.rejected(error)
    printLog('error', `An ${what} of no app. The process finishes what runs and ends: ${errorStack(error)}`)
    void stop(1)
  },
  ignore: isClientGone,
})
say({
  type: 'ready',
  debuggerUrl: debuggerUrl(),
  runtime: `isolated-vm ${version} on node ${process.version} (V8 ${process.versions.v8})`,
})
