/** Serves the clients of an existing Worker's WebSockets. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Server, WebSocketServer } from 'ws'
import { webSocketOf } from '../../../../core/compat/workers/web-sockets/response.ts'
import { coupleSocket } from '../../../../core/compat/workers/web-sockets/web-socket.ts'
import type { End } from '../../../../core/compat/workers/web-sockets/end.ts'
import { currentEvent } from '../events.ts'
import { Exchange } from '../http/exchange.ts'
import { CONNECTION_FIELDS } from '../http/message-fields.ts'
import type { HttpListener, PendingUpgrade } from '../http/upgrades.ts'
import { beginUpgradeWith } from '../web-sockets/begin-upgrade.ts'
import type { ServerSockets } from '../web-sockets/socket-server.ts'
import { asksForSocket } from '../web-sockets/upgrade.ts'
import { Connection, MAX_MESSAGE } from './connection.ts'

/** Milliseconds that a WebSocket client has to answer a close frame. */
const CLOSE_TIMEOUT = 5000
/** Maximum number of frames of one WebSocket message; each frame costs an object. */
const FRAGMENTS = 131_072
/** `closeTimeout` is an option of WebSocket servers that the types of `ws` lack so far. */
const NEWER_OPTIONS = { closeTimeout: CLOSE_TIMEOUT }
/** TCP keep-alive: the kernel detects a WebSocket client that vanished in about two minutes. */
const KEEP_ALIVE = { enable: true, initialDelay: 90_000, interval: 10_000, count: 3 }

/** Header lines and protocol that the Worker chose for a WebSocket upgrade's 101 response. */
interface Answer {
  readonly lines: readonly string[]
  readonly protocol: string | undefined
}

/**
 * The Worker's answers to WebSocket upgrades by request, since `ws` passes only the request to the hooks that
 * choose protocol and headers.
 */
const answers = new WeakMap<IncomingMessage, Answer>()

/** A request that may become a WebSocket of the Worker. */
class WorkerUpgrade implements PendingUpgrade {
  isTaken = false
  onTaken: (() => void) | undefined
  readonly #open: (end: End, answer: Answer) => void

  constructor(open: (end: End, answer: Answer) => void) {
    this.#open = open
  }

  take(_outgoing: ServerResponse, response: Response): boolean {
    const socket = webSocketOf(response)
    if (socket === undefined) return false
    const end = coupleSocket(socket)
    this.isTaken = true
    const lines: string[] = []
    for (const [name, value] of response.headers) if (isOwn(name)) lines.push(`${name}: ${value}`)
    this.onTaken?.()
    this.#open(end, { lines, protocol: response.headers.get('sec-websocket-protocol') ?? undefined })
    return true
  }
}

/** WebSocket server for the clients of the process's one Worker. */
export class WorkerSocketServer implements ServerSockets {
  #connections = new Set<Connection>()
  #isStopping = false
  #closed: (() => void) | undefined
  #server: Server<typeof Connection> = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE,
    maxFragments: FRAGMENTS,
    ...NEWER_OPTIONS,
    WebSocket: Connection,
    handleProtocols: (_offered, incoming) => answers.get(incoming)?.protocol ?? false,
  })

  constructor() {
    this.#server.on('headers', (lines, incoming) => lines.push(...(answers.get(incoming)?.lines ?? [])))
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
    beginUpgradeWith({ incoming, socket, head }, listener, (detach) => {
      return new WorkerUpgrade((end, answer) => {
        answers.set(incoming, answer)
        detach()
        this.#server.handleUpgrade(incoming, socket, head, (connection) => {
          ;(socket as Socket).setKeepAlive(KEEP_ALIVE)
          this.#connections.add(connection)
          connection.on('close', () => {
            this.#connections.delete(connection)
            if (this.#connections.size === 0) this.#closed?.()
          })
          connection.couple(end, currentEvent())
          if (this.#isStopping) connection.close(1012, 'the server stops')
        })
      })
    })
  }

  admit(request: Request, app: () => Response | Promise<Response>): Promise<Response> | undefined {
    if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket') return undefined
    const event = currentEvent()
    return this.#answer(app, event instanceof Exchange && event.upgrade !== undefined)
  }

  async #answer(app: () => Response | Promise<Response>, canUpgrade: boolean): Promise<Response> {
    const response = await app()
    if (canUpgrade || webSocketOf(response) === undefined) return response
    return new Response('Bad Request: a WebSocket begins with a GET of HTTP/1.1 without a body.', {
      status: 400,
    })
  }

  async stop(seconds: number): Promise<boolean> {
    this.#isStopping = true
    for (const connection of this.#connections) connection.close(1012, 'the server stops')
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

/** Returns true if the Worker may set this header of a WebSocket upgrade's 101 response. */
function isOwn(name: string): boolean {
  return name !== 'content-length' && !name.startsWith('sec-websocket-') && !CONNECTION_FIELDS.has(name)
}
