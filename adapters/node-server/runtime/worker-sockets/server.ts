/** Serves the clients of an existing Worker's WebSockets. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Server, WebSocketServer } from 'ws'
import type { End } from '../../../../core/compat/workers/web-sockets/end.ts'
import type { Handshake, HandshakeAnswer } from '../../../../core/compat/workers/web-sockets/platform.ts'
import { type AppEvent, currentEvent } from '../events.ts'
import { Exchange } from '../http/exchange.ts'
import type { HttpListener } from '../http/upgrades.ts'
import { beginUpgrade } from '../web-sockets/begin-upgrade.ts'
import type { ServerSockets, SocketQuota } from '../web-sockets/socket-server.ts'
import { asksForSocket, Upgrade } from '../web-sockets/upgrade.ts'
import { connect, type ConnectOptions } from './client.ts'
import { Connection, MAX_MESSAGE } from './connection.ts'

/** Milliseconds that a WebSocket client has to answer a close frame. */
const CLOSE_TIMEOUT = 5000
/** Maximum number of frames of one WebSocket message; each frame costs an object. */
const FRAGMENTS = 131_072
/** `closeTimeout` is an option of WebSocket servers that the types of `ws` lack so far. */
const NEWER_OPTIONS = { closeTimeout: CLOSE_TIMEOUT }
/** TCP keep-alive: the kernel detects a WebSocket client that vanished in about two minutes. */
const KEEP_ALIVE = { enable: true, initialDelay: 90_000, interval: 10_000, count: 3 }
const ID_BYTES = 12

/** Options of a {@link WorkerSocketServer}, which serves the clients of a Worker's WebSockets. */
export interface WorkerSocketServerOptions {
  /**
   * Returns the end of the WebSocket that a response of the Worker hands to the client, and marks it as
   * taken; undefined for other responses. @throws `TypeError` for a socket that cannot be handed over.
   */
  readonly endOf: (response: Response) => End | undefined
  /** Limits on the Worker's WebSockets. Default: those of Cloudflare's message sizes. */
  readonly quota?: SocketQuota | undefined
  /**
   * Event as part of which frames of all connections are handled. Default: the event that opened each
   * connection.
   */
  readonly event?: AppEvent | undefined
}

/** WebSocket server for the clients of one Worker. */
export class WorkerSocketServer implements ServerSockets {
  #options: WorkerSocketServerOptions
  #connections = new Set<Connection>()
  /**
   * The Worker's answers to WebSocket upgrades by request, since `ws` passes only the request to the hooks
   * that choose protocol and headers.
   */
  #upgrades = new WeakMap<IncomingMessage, Upgrade>()
  #isStopping = false
  #closed: (() => void) | undefined
  #server: Server<typeof Connection>

  constructor(options: WorkerSocketServerOptions) {
    this.#options = options
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: this.#maxMessage,
      maxFragments: FRAGMENTS,
      ...NEWER_OPTIONS,
      WebSocket: Connection,
      handleProtocols: (_offered, incoming) =>
        this.#upgrades.get(incoming)?.accepted?.socket.protocol ?? false,
    })
    this.#server.on('headers', (lines, incoming) =>
      lines.push(...(this.#upgrades.get(incoming)?.headers ?? [])),
    )
  }

  get #mayOpen(): boolean {
    return this.#options.quota?.mayOpen(this.size) !== false
  }

  get #maxMessage(): number {
    return Math.min(MAX_MESSAGE, this.#options.quota?.messageBytes ?? MAX_MESSAGE)
  }

  /** Number of open connections, with clients and with servers. */
  get size(): number {
    return this.#connections.size
  }

  /** Throws instead of creating a socket transport, as a Worker declares no sockets bindings. */
  transport = (): never => {
    throw new Error('An existing Worker has no sockets bindings.')
  }

  async listen(): Promise<void> {}

  isUpgrade(incoming: IncomingMessage): boolean {
    return asksForSocket(incoming)
  }

  begin(incoming: IncomingMessage, socket: Duplex, head: Buffer, listener: HttpListener): void {
    beginUpgrade({ incoming, socket, head }, listener, () => !this.#isStopping)
  }

  admit(request: Request, app: () => Response | Promise<Response>): Promise<Response> | undefined {
    if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket') return undefined
    const event = currentEvent()
    const isOfClient = event instanceof Exchange && event.upgrade instanceof Upgrade
    return this.#answer(app, isOfClient ? event : undefined)
  }

  async #answer(app: () => Response | Promise<Response>, exchange: Exchange | undefined): Promise<Response> {
    if (exchange !== undefined && !this.#mayOpen)
      return new Response('Service Unavailable: the app has its limit of sockets open.', {
        status: 503,
        headers: { 'retry-after': '1' },
      })
    const response = await app()
    const end = this.#options.endOf(response)
    if (end === undefined) return response
    if (exchange !== undefined) return this.#accept(exchange, response, end)
    cut(end)
    return new Response('Bad Request: a WebSocket begins with a GET of HTTP/1.1 without a body.', {
      status: 400,
    })
  }

  /**
   * Returns the response by which the server recognises the upgrade; the connection is opened as it is sent.
   */
  #accept({ outgoing, upgrade }: Exchange, response: Response, end: End): Response {
    const taken = upgrade as Upgrade
    const opener = { mayOpen: () => this.#mayOpen, open: () => this.#open(taken, end) }
    const accepted = taken.accept(opener, randomBytes(ID_BYTES).toString('base64url'), {
      data: undefined,
      topics: [],
      protocol: response.headers.get('sec-websocket-protocol') ?? undefined,
    })
    const abandon = (): void => {
      if (!end.isTaken) cut(end)
    }
    // The client left before the upgrade was answered, or something else was answered in its place.
    if (outgoing.destroyed) abandon()
    else outgoing.once('close', abandon)
    const headers = new Headers(response.headers)
    for (const [name, value] of accepted.headers) headers.set(name, value)
    return new Response(null, { headers })
  }

  #open(upgrade: Upgrade, end: End): void {
    const { incoming, socket, head } = upgrade
    this.#upgrades.set(incoming, upgrade)
    let isOpen = false
    this.#server.handleUpgrade(incoming, socket, head, (connection) => {
      isOpen = true
      ;(socket as Socket).setKeepAlive(KEEP_ALIVE)
      this.#hold(connection)
      connection.couple(end, this.#event, this.#options.quota)
      if (this.#isStopping) connection.leave('the server stops')
    })
    // `ws` opens no connection for an invalid handshake, nor for a client that has left.
    if (!isOpen) cut(end)
  }

  get #event(): AppEvent | undefined {
    return this.#options.event ?? currentEvent()
  }

  #hold(connection: Connection): void {
    this.#connections.add(connection)
    connection.on('close', () => {
      this.#connections.delete(connection)
      if (this.#connections.size === 0) this.#closed?.()
    })
  }

  /**
   * Opens a WebSocket connection of the Worker to a server; it counts as one of the app's sockets. @throws
   * `TypeError` if the app may not open another.
   */
  async connect(handshake: Handshake, options: ConnectOptions = {}): Promise<HandshakeAnswer> {
    if (!this.#mayOpen)
      throw new TypeError('The WebSocket was not opened: the app has its limit of sockets open.')
    return connect(handshake, {
      ...options,
      maxMessage: this.#maxMessage,
      event: this.#event,
      quota: this.#options.quota,
      onOpen: (connection) => this.#hold(connection),
    })
  }

  async stop(seconds: number, reason = 'the server stops'): Promise<boolean> {
    this.#isStopping = true
    for (const connection of this.#connections) connection.leave(reason)
    if (this.#connections.size === 0) return true
    const late = Promise.withResolvers<boolean>()
    const timer = setTimeout(() => late.resolve(false), seconds * 1000)
    this.#closed = () => late.resolve(true)
    const inTime = await late.promise
    clearTimeout(timer)
    for (const connection of this.#connections) connection.terminate()
    return inTime
  }
}

function cut(end: End): void {
  if (!end.isCut) end.write({ type: 'cut' })
}
