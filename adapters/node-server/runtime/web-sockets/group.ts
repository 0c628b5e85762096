import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type Server, WebSocketServer } from 'ws'
import type { SocketsDeclaration } from '../../../../core/bindings/declarations.ts'
import { addTopic } from '../../../../core/bindings/socket-checks.ts'
import type { SocketsDriver, TicketedSocketsDriver } from '../../../../core/bindings/sockets-driver.ts'
import { socketGone } from '../../../../core/bindings/sockets.ts'
import type {
  AcceptedSocket,
  SocketEvent,
  SocketMessage,
  SocketTransport,
} from '../../../../core/bindings/socket-transport.ts'
import { SOCKET_LIMITS } from '../../../../core/limits.ts'
import { Bus, type SocketCommand } from './bus.ts'
import { HeldSocket, listenTo, type SocketOwner } from './held-socket.ts'
import type { SocketQuota } from './socket-server.ts'
import { notAnswered, type SocketOpener, type Upgrade } from './upgrade.ts'

/** Dependencies of a {@link SocketGroup} (one binding's WebSockets) on its server. */
export interface GroupOptions {
  readonly binding: string
  readonly declaration: SocketsDeclaration
  readonly driver: SocketsDriver | TicketedSocketsDriver
  /** Name of this process among the processes that share the sockets driver. */
  readonly process: string
  /** Returns the pending WebSocket upgrade of a request; undefined if the request is no upgrade. */
  readonly upgradeOf: (request: Request) => Upgrade | undefined
  /** Returns true once the server stops and reads no more WebSocket messages. */
  readonly isStopping: () => boolean
  /** Returns false if the app has its limit of sockets open. */
  readonly mayOpen: () => boolean
  /** Runs the app's handler of a WebSocket event. */
  readonly run: (socket: HeldSocket, event: SocketEvent) => void
  readonly onError: (message: string, error: unknown) => void
  readonly quota: SocketQuota | undefined
}

/**
 * Bytes that may be buffered for one WebSocket client, or four of the binding's largest messages if that is
 * more.
 */
const BUFFERED = 1024 * 1024
/**
 * Maximum number of handlers of one WebSocket that run at once. At this number reading pauses until half of
 * them are done.
 */
const RUNNING = 100
/** Milliseconds that a WebSocket client has to answer a close frame. */
const CLOSE_TIMEOUT = 5000
/** Maximum number of frames of one WebSocket message; each frame costs an object. */
const FRAGMENTS = 4096
/** `closeTimeout` is an option of WebSocket servers that the types of `ws` lack so far. */
const NEWER_OPTIONS = { closeTimeout: CLOSE_TIMEOUT }
/** TCP keep-alive: the kernel detects a WebSocket client that vanished in about two minutes. */
const KEEP_ALIVE = { enable: true, initialDelay: 90_000, interval: 10_000, count: 3 }
const ID_BYTES = 12

/**
 * WebSocket upgrades by request, since `ws` passes only the request to the hooks that choose protocol and
 * headers.
 */
const upgrades = new WeakMap<IncomingMessage, Upgrade>()

/** The WebSockets of one binding that this process holds, and the bus to sockets of other processes. */
export class SocketGroup implements SocketTransport, SocketOwner, SocketOpener {
  readonly binding: string
  declaration: SocketsDeclaration
  readonly sockets = new Map<string, HeldSocket>()
  readonly bus: Bus
  #options: GroupOptions
  #server: Server<typeof HeldSocket>
  #listening: Promise<void> | undefined
  #byTopic = new Map<string, Set<HeldSocket>>()
  #maxBuffered: number

  constructor(options: GroupOptions) {
    const { binding, declaration, driver, process, onError } = options
    this.#options = options
    this.binding = binding
    this.declaration = declaration
    this.#maxBuffered = BUFFERED
    this.#server = this.#createServer()
    this.bus = new Bus(
      driver,
      process,
      { run: (command) => this.#run(command), publish: (...args) => this.#publish(...args) },
      onError,
    )
  }

  #createServer(): Server<typeof HeldSocket> {
    const { declaration } = this
    const declared =
      SOCKET_LIMITS[declaration.largeMessages === true ? 'sockets.largeMessage' : 'sockets.message']
    this.#maxBuffered = Math.max(BUFFERED, declared * 4)
    const server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: Math.min(declared, this.#options.quota?.messageBytes ?? declared),
      maxFragments: FRAGMENTS,
      ...NEWER_OPTIONS,
      WebSocket: HeldSocket,
      handleProtocols: (_offered, incoming) => upgrades.get(incoming)?.accepted?.socket.protocol ?? false,
    })
    server.on('headers', (lines, incoming) => lines.push(...(upgrades.get(incoming)?.headers ?? [])))
    return server
  }

  /** Begins to receive WebSocket messages of other processes; further calls do nothing. */
  listen(): Promise<void> {
    return (this.#listening ??= this.bus.listen())
  }

  /**
   * Replaces the binding's sockets declaration by that of a new app version. Open sockets stay, with their
   * old message limit.
   */
  redeclare(declaration: SocketsDeclaration): void {
    this.declaration = declaration
    this.#server = this.#createServer()
  }

  async accept(request: Request, accepted: AcceptedSocket): Promise<Response> {
    const upgrade = this.#options.upgradeOf(request)
    return (upgrade ?? notAnswered()).accept(this, this.#newId(), accepted)
  }

  async send(id: string, message: SocketMessage): Promise<void> {
    this.#options.quota?.sends(message)
    await this.#anywhere({ op: 'send', id, message })
  }

  async close(id: string, code: number, reason: string): Promise<void> {
    await this.#anywhere({ op: 'close', id, code, reason })
  }

  async publish(topic: string, message: SocketMessage): Promise<void> {
    this.#options.quota?.sends(message)
    this.#publish(topic, message)
    await this.bus.publish(topic, message)
  }

  async setData(id: string, data: string | undefined): Promise<void> {
    this.#open(id).data = data
  }

  async subscribe(id: string, topic: string): Promise<void> {
    const socket = this.#open(id)
    const topics = addTopic(socket.topics, topic)
    if (topics === socket.topics) return
    socket.topics = topics
    this.#index(topic, socket)
  }

  async unsubscribe(id: string, topic: string): Promise<void> {
    const socket = this.#open(id)
    socket.topics = socket.topics.filter((one) => one !== topic)
    this.#unindex(topic, socket)
  }

  async saveTicket(id: string, value: string, seconds: number): Promise<void> {
    await (this.#options.driver as TicketedSocketsDriver).saveTicket(id, value, seconds)
  }

  /**
   * Redeems the ticket of a WebSocket connection and resolves to its value; null for a ticket that is
   * unknown, used or expired.
   */
  takeTicket(id: string): Promise<string | null> {
    return (this.#options.driver as TicketedSocketsDriver).takeTicket(id)
  }

  ticketOf(request: Request): string | undefined {
    return this.#options.upgradeOf(request)?.ticket
  }

  mayOpen(): boolean {
    return this.#options.mayOpen()
  }

  /** Turns the accepted connection into a WebSocket: writes the 101, then runs the app's open handler. */
  open(upgrade: Upgrade, id: string, accepted: AcceptedSocket): void {
    const { incoming, socket: connection, head } = upgrade
    upgrades.set(incoming, upgrade)
    this.#server.handleUpgrade(incoming, connection, head, (socket) => {
      socket.group = this
      socket.id = id
      socket.data = accepted.data
      if (accepted.topics.length > 0) socket.topics = accepted.topics
      ;(connection as Socket).setKeepAlive(KEEP_ALIVE)
      this.sockets.set(id, socket)
      for (const topic of accepted.topics) this.#index(topic, socket)
      listenTo(socket)
      this.#options.run(socket, { type: 'open' })
    })
  }

  received(socket: HeldSocket, bytes: Buffer, isBinary: boolean): void {
    if (!socket.isOpen || this.#options.quota?.arrived(socket, bytes.byteLength) === false) return
    if (isBinary) {
      if (this.declaration.binary !== true) return socket.closeWith(1003, 'this socket takes text only')
      // The bytes of a WebSocket message are copied, because the buffer is a part of a network read.
      return this.#begin(socket, { type: 'message', message: new Uint8Array(bytes) })
    }
    const message = bytes.toString()
    const auto = this.declaration.autoResponse
    if (auto !== undefined && message === auto[0]) this.#write(socket, Buffer.from(auto[1]), false)
    else this.#begin(socket, { type: 'message', message })
  }

  pinged(socket: HeldSocket): void {
    if (socket.isOpen) this.#options.quota?.pinged(socket)
  }

  closed(socket: HeldSocket, event: Extract<SocketEvent, { type: 'close' }>): void {
    this.sockets.delete(socket.id)
    this.#options.quota?.forget(socket)
    for (const topic of socket.topics) this.#unindex(topic, socket)
    this.#begin(socket, event)
  }

  /**
   * Called when a handler of the WebSocket has ended; resumes a paused socket once half of its handlers are
   * done.
   */
  handled(socket: HeldSocket): void {
    socket.running--
    if (!socket.isPaused || socket.running > RUNNING / 2 || this.#options.isStopping()) return
    if (this.#options.quota?.holds(socket) !== true) socket.resume()
  }

  #begin(socket: HeldSocket, event: SocketEvent): void {
    this.#options.run(socket, event)
    if (socket.running >= RUNNING && socket.isOpen) socket.pause()
  }

  #newId(): string {
    return `${this.#options.process}.${randomBytes(ID_BYTES).toString('base64url')}`
  }

  /** Runs a socket command in this process, or in the process that the socket's id names. */
  async #anywhere(command: SocketCommand): Promise<void> {
    const dot = command.id.indexOf('.')
    const holder = command.id.slice(0, dot)
    if (dot < 1 || holder === this.#options.process) this.#run(command)
    else if (/^[\w-]{1,64}$/.test(holder)) await this.bus.run(holder, command)
    else throw socketGone(command.id)
  }

  #run(command: SocketCommand): void {
    const socket = this.#open(command.id)
    if (command.op === 'close') socket.closeWith(command.code, command.reason)
    else {
      const { message } = command
      const isBinary = typeof message !== 'string'
      if (!this.#write(socket, toBuffer(message), isBinary)) throw socketGone(command.id)
    }
  }

  #publish(topic: string, message: SocketMessage): void {
    const sockets = this.#byTopic.get(topic)
    if (sockets === undefined) return
    const bytes = toBuffer(message)
    for (const socket of sockets) this.#write(socket, bytes, typeof message !== 'string')
  }

  /**
   * Writes a message to a WebSocket. Returns false if the socket is not open, or is closed because its client
   * reads too slowly.
   */
  #write(socket: HeldSocket, bytes: Buffer, binary: boolean): boolean {
    if (!socket.isOpen) return false
    const { quota } = this.#options
    const waiting = socket.bufferedAmount
    const isSlow = waiting + bytes.byteLength > this.#maxBuffered
    if (isSlow || (waiting > 0 && quota?.mayBuffer(bytes.byteLength) === false)) {
      socket.closeWith(1013, 'the client reads too slowly')
      return false
    }
    if (quota === undefined) socket.send(bytes, { binary })
    else socket.send(bytes, { binary }, quota.writing(bytes.byteLength))
    return true
  }

  #open(id: string): HeldSocket {
    const socket = this.sockets.get(id)
    if (socket === undefined || !socket.isOpen) throw socketGone(id)
    return socket
  }

  #index(topic: string, socket: HeldSocket): void {
    const sockets = this.#byTopic.get(topic)
    if (sockets === undefined) this.#byTopic.set(topic, new Set([socket]))
    else sockets.add(socket)
  }

  #unindex(topic: string, socket: HeldSocket): void {
    const sockets = this.#byTopic.get(topic)
    if (sockets?.delete(socket) === true && sockets.size === 0) this.#byTopic.delete(topic)
  }
}

/** Copies a WebSocket message, as a buffered message may wait while the app changes its bytes. */
function toBuffer(message: SocketMessage): Buffer {
  return typeof message === 'string' ? Buffer.from(message) : Buffer.from(message)
}
