import type { SocketsDriver, TicketedSocketsDriver } from '../../../../core/bindings/drivers.ts'
import type {
  SocketEvent,
  SocketState,
  SocketTransport,
  SocketTransportFactory,
} from '../../../../core/bindings/socket-transport.ts'
import type { Context } from '../../../../core/context.ts'
import type { Manifest } from '../../../../core/manifest.ts'
import type { BoundDriver } from '../../../../core/runtime/runtime.ts'
import type { SocketQuota, SocketServer } from '../../../node-server/runtime/web-sockets/socket-server.ts'
import { declaredApp } from '../../server/declared-app.ts'
import { errorText } from '../error-text.ts'

/** Options of {@link AppSockets}. */
export interface AppSocketsOptions {
  quota: SocketQuota
  /** Seconds that a handler may take. */
  wallTimeout: number
  /** Calls the app's handler in the version at work. */
  run(binding: string, state: SocketState, event: SocketEvent, ctx: Context): Promise<{ error?: unknown }>
  /** Counts `waitUntil` work as the tenant's. */
  onBackground: (work: Promise<unknown>) => void
  log: (text: string) => void
  /** Reaches the other processes of this host, in place of the driver `memory`. */
  relay(binding: string): TicketedSocketsDriver
  /** If true, nothing is served, so nothing is listened to: a version on trial. */
  isTrial: boolean
}

interface KeptDriver {
  /** What it was made of: another spec is another driver. */
  spec: string
  driver: Promise<SocketsDriver | TicketedSocketsDriver>
}

/**
 * The sockets of one app in this process. They outlive its isolates and its versions: an idle app is evicted
 * while they stay, and a message wakes it.
 */
export class AppSockets {
  #options: AppSocketsOptions
  #server: Promise<SocketServer> | undefined
  #loaded: SocketServer | undefined
  #drivers = new Map<string, KeptDriver>()
  /** The version at work, once it has started. */
  #version: string | undefined
  /** What that version, or the one before, declares and handles. */
  #manifest: Manifest | undefined
  #isClosed = false

  constructor(options: AppSocketsOptions) {
    this.#options = options
  }

  /** Number of sockets that are open. */
  get size(): number {
    return this.#loaded?.size ?? 0
  }

  /** Loads what holds sockets: hosts without them load nothing. */
  async load(): Promise<void> {
    this.#server ??= this.#create()
    this.#loaded = await this.#server
  }

  async #create(): Promise<SocketServer> {
    const { createSocketServer } = await import('../../../node-server/runtime/web-sockets/server.ts')
    const { quota, wallTimeout, log, onBackground } = this.#options
    return createSocketServer({
      quota,
      wallTimeout,
      onBackground,
      log: (message, error) => log(`${message} ${errorText(error)}`),
    })
  }

  /** Makes the driver of a binding once; it stays open while isolates and versions come and go. */
  bind(
    binding: string,
    spec: { readonly driver: string },
    create: BoundDriver['create'],
  ): BoundDriver['create'] {
    return async (options, context) => {
      const text = JSON.stringify(options)
      const known = this.#drivers.get(binding)
      if (known !== undefined && known.spec !== text) this.#forget(binding, 'the app has a new version')
      let kept = this.#drivers.get(binding)
      if (kept === undefined) {
        const driver = Promise.resolve(this.#open(binding, spec, () => create(options, context)))
        kept = { spec: text, driver }
        this.#drivers.set(binding, kept)
        driver.catch(() => this.#drivers.delete(binding))
      }
      return withoutClose(await kept.driver)
    }
  }

  #open(
    binding: string,
    { driver }: { readonly driver: string },
    create: () => ReturnType<BoundDriver['create']>,
  ): SocketsDriver | Promise<SocketsDriver> {
    // The memory of one process would reach a part of the app's sockets.
    if (driver === 'memory') return this.#options.relay(binding)
    return create() as SocketsDriver | Promise<SocketsDriver>
  }

  /** Gives what holds the sockets of a binding, the same for all versions of the app. */
  // oxlint-disable-next-line typescript/no-explicit-any -- a driver of the binding's own kind
  readonly transport: SocketTransportFactory<any> = (context, driver) => {
    const server = this.#loaded as SocketServer
    return server.transportOf(context.binding) ?? server.transport(context, driver)
  }

  transportOf(binding: string): SocketTransport | undefined {
    return this.#loaded?.transportOf(binding)
  }

  /** The version at work has started: what it does not declare any more is closed. */
  async declare(version: string, manifest: Manifest): Promise<void> {
    const server = this.#loaded
    if (server === undefined || this.#version === version) return
    this.#version = version
    this.#manifest = manifest
    for (const binding of this.#drivers.keys())
      if (manifest.bindings[binding]?.kind !== 'sockets')
        this.#forget(binding, 'the app has no such sockets any more')
    for (const [binding, declaration] of Object.entries(manifest.bindings))
      if (declaration.kind === 'sockets') server.redeclare(binding, declaration)
    await this.#listen(server, manifest)
  }

  /** Another version is at work, of which nobody knows yet what it handles. */
  async changed(): Promise<void> {
    if (this.#manifest === undefined || this.#loaded === undefined) return
    this.#version = undefined
    const events = ['open', 'message', 'close']
    const sockets = Object.keys(this.#manifest.bindings).map((binding) => [binding, events] as const)
    await this.#listen(this.#loaded, { ...this.#manifest, sockets: Object.fromEntries(sockets) })
  }

  async #listen(server: SocketServer, manifest: Manifest): Promise<void> {
    if (this.#options.isTrial) return
    await server.listen({
      app: declaredApp(manifest),
      env: {},
      socket: (binding, state, event, ctx) => this.#options.run(binding, state, event, ctx),
    })
  }

  /** Answers an upgrade of a binding's path; undefined for all other requests. */
  admit(request: Request, app: () => Response | Promise<Response>): Response | Promise<Response> | undefined {
    return this.#loaded?.admit(request, app)
  }

  #forget(binding: string, reason: string): void {
    const kept = this.#drivers.get(binding)
    this.#drivers.delete(binding)
    this.#loaded?.drop(binding, reason)
    void kept?.driver.then((driver) => driver.close?.()).catch(() => {})
  }

  /** Frees what holds sockets where there are none: it comes back with the app's isolate. */
  async release(): Promise<void> {
    if (this.size > 0) return
    const drivers = [...this.#drivers.values()]
    this.#drivers.clear()
    this.#server = undefined
    this.#loaded = undefined
    this.#version = undefined
    this.#manifest = undefined
    await closeAll(drivers, this.#options.log)
  }

  /** Closes all sockets with 1012, waits for their handlers, and frees the drivers. */
  async close(seconds: number): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const server = await this.#server?.catch(() => undefined)
    await server?.stop(seconds)
    const drivers = [...this.#drivers.values()]
    this.#drivers.clear()
    await closeAll(drivers, this.#options.log)
  }
}

async function closeAll(drivers: readonly KeptDriver[], log: (text: string) => void): Promise<void> {
  for (const { driver } of drivers)
    await driver.then((open) => open.close?.()).catch((error: unknown) => log(errorText(error)))
}

/** A driver that outlives the runtime which is given it. */
function withoutClose(driver: SocketsDriver | TicketedSocketsDriver): SocketsDriver {
  const shared: SocketsDriver = {
    isAlone: driver.isAlone === true,
    listen: (process, receive) => driver.listen(process, receive),
    broadcast: (text) => driver.broadcast(text),
    send: (process, text) => driver.send(process, text),
  }
  if (!('saveTicket' in driver)) return shared
  const tickets: Pick<TicketedSocketsDriver, 'saveTicket' | 'takeTicket'> = {
    saveTicket: (id, value, seconds) => driver.saveTicket(id, value, seconds),
    takeTicket: (id) => driver.takeTicket(id),
  }
  return Object.assign(shared, tickets)
}
