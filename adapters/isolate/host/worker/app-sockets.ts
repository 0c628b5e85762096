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

/** Options of {@link AppSockets}, the WebSockets of one app in a process. */
export interface AppSocketsOptions {
  quota: SocketQuota
  /** Seconds that the app's handler of a WebSocket event may take. */
  wallTimeout: number
  /** Calls the WebSocket handler of the app's current version. */
  run(binding: string, state: SocketState, event: SocketEvent, ctx: Context): Promise<{ error?: unknown }>
  /** Counts `waitUntil` work of socket handlers as the tenant's. */
  onBackground: (work: Promise<unknown>) => void
  log: (text: string) => void
  /** Returns the sockets driver that replaces `memory`: it reaches the other processes of this host. */
  relay(binding: string): TicketedSocketsDriver
  /** True for a version of the app on trial, which serves nothing and so does not listen for messages. */
  isTrial: boolean
}

interface KeptDriver {
  /** Options of the sockets driver as JSON; a change of them needs a new driver. */
  spec: string
  driver: Promise<SocketsDriver | TicketedSocketsDriver>
}

/**
 * The sockets of one app in this process. They outlive the app's isolates and versions: sockets stay open
 * while an idle app is evicted, and a message wakes the app.
 */
export class AppSockets {
  #options: AppSocketsOptions
  #server: Promise<SocketServer> | undefined
  #loaded: SocketServer | undefined
  #drivers = new Map<string, KeptDriver>()
  /** Id of the app's current version, once it has started. */
  #version: string | undefined
  /** Manifest of the app's current version, or of the previous one until the current one has started. */
  #manifest: Manifest | undefined
  #isClosed = false

  constructor(options: AppSocketsOptions) {
    this.#options = options
  }

  /** Number of the app's open WebSockets in this process. */
  get size(): number {
    return this.#loaded?.size ?? 0
  }

  /** Loads the socket server, so that hosts without socket bindings load no code for sockets. */
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

  /** Creates the driver of a sockets binding once; the driver stays open across isolates and versions. */
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
    // A `memory` sockets driver in each process would reach only some of the app's sockets.
    if (driver === 'memory') return this.#options.relay(binding)
    return create() as SocketsDriver | Promise<SocketsDriver>
  }

  /** Returns the socket transport of a binding, which all versions of the app share. */
  // oxlint-disable-next-line typescript/no-explicit-any -- a driver of the binding's own kind
  readonly transport: SocketTransportFactory<any> = (context, driver) => {
    const server = this.#loaded as SocketServer
    return server.transportOf(context.binding) ?? server.transport(context, driver)
  }

  transportOf(binding: string): SocketTransport | undefined {
    return this.#loaded?.transportOf(binding)
  }

  /**
   * Called when the app's current version has started: closes the sockets of bindings that it no longer
   * declares.
   */
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

  /**
   * Called when a new version of the app is current but not started yet: listens for all socket events, as
   * its handlers are unknown.
   */
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

  /** Answers a WebSocket upgrade to a binding's path; returns undefined for all other requests. */
  admit(request: Request, app: () => Response | Promise<Response>): Response | Promise<Response> | undefined {
    return this.#loaded?.admit(request, app)
  }

  #forget(binding: string, reason: string): void {
    const kept = this.#drivers.get(binding)
    this.#drivers.delete(binding)
    this.#loaded?.drop(binding, reason)
    void kept?.driver.then((driver) => driver.close?.()).catch(() => {})
  }

  /** Frees the socket server and drivers if no socket is open; the app's next isolate creates them again. */
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

  /** Closes all WebSockets of the app with 1012, waits for their handlers, and frees the drivers. */
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

/** Returns the sockets driver without `close`, since the driver outlives the runtime that uses it. */
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
