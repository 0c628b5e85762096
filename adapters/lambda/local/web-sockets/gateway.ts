/**
 * A server that behaves like API Gateway's WebSocket APIs: one API for each binding, at `/STAGE`, with its
 * `@connections` below. README.md lists what is assumed where AWS documents nothing.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { UnmoorError } from '../../../../core/errors.ts'
import { wholePayload } from '../front-answer.ts'
import type { ApiResponse } from '../runtime-api.ts'
import { type GatewayClock, SYSTEM_CLOCK } from './clock.ts'
import { Connection, MESSAGE_LIMIT } from './connection.ts'
import {
  connectEvent,
  type ConnectionFacts,
  disconnectEvent,
  type GatewayEvent,
  messageEvent,
  newConnectionId,
} from './gateway-events.ts'

/** Maximum milliseconds that API Gateway waits for the function, after which the event times out. */
export const INTEGRATION_TIMEOUT = 29_000

/** Options of {@link createGateway}. */
export interface GatewayOptions {
  readonly host: string
  /** Port on which the local API Gateway listens; 0 takes a free one. Default: 0. */
  readonly port?: number
  /** Names of API Gateway's stages; each stage is a separate API. */
  readonly stages: readonly string[]
  /** Invokes the Lambda function with an event as JSON. */
  readonly invoke: (payload: string) => Promise<ApiResponse>
  /** Milliseconds that a stop of the gateway waits for events under way. Default: 30,000. */
  readonly patience?: number
  /** Called by the gateway with a message about a fault of the function. */
  readonly onError: (message: string) => void
  /** Clock of the gateway. Default: the machine's. */
  readonly clock?: GatewayClock
  /**
   * Returns true for a `$disconnect` event that is to be lost: AWS only delivers it on a best-effort basis.
   * Default: none is lost.
   */
  readonly losesDisconnect?: (connectionId: string) => boolean
  /** Returns true for a call of API Gateway's `@connections` that is to be answered 429. Default: none. */
  readonly throttles?: (connectionId: string) => boolean
}

/** A running local API Gateway for WebSockets. */
export interface Gateway {
  /** Returns the URL to which WebSocket clients of a stage connect: `ws://127.0.0.1:8080/chat`. */
  url(stage: string): string
  /**
   * Stops the gateway: accepts no more WebSocket clients, lets the function answer its events, closes every
   * connection with 1012, and resolves when each `$disconnect` has been sent.
   */
  stop(): Promise<void>
}

const KEY = /^[+/0-9A-Za-z]{22}==$/
const CONNECTIONS = /^\/([^/]+)\/(?:@|%40)connections\/([^/]+)$/i

/** Starts a local API Gateway for WebSockets. @throws `Unavailable` if the port is taken. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const gateway = new LocalGateway(options)
  await gateway.listen()
  return gateway
}

class LocalGateway implements Gateway {
  #options: GatewayOptions
  #clock: GatewayClock
  #server: Server
  #upgrades: WebSocketServer
  #open = new Map<string, Connection>()
  /** WebSocket events that the function is handling. */
  #busy = new Set<Promise<unknown>>()
  #isStopping = false
  #origin = ''

  constructor(options: GatewayOptions) {
    this.#options = options
    this.#clock = options.clock ?? SYSTEM_CLOCK
    this.#upgrades = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: MESSAGE_LIMIT,
      handleProtocols: (_offered, request) => protocols.get(request) ?? false,
    })
    this.#server = createServer((request, response) => void this.#serve(request, response))
    this.#server.on('upgrade', (request, stream: Duplex, head: Buffer) => {
      stream.on('error', () => {})
      this.#track(this.#upgrade(request, stream, head))
    })
  }

  async listen(): Promise<void> {
    const { host, port = 0 } = this.#options
    const listening = once(this.#server, 'listening')
    this.#server.listen(port, host)
    await listening.catch((cause: Error) => {
      throw new UnmoorError(
        'Unavailable',
        `The WebSocket API cannot listen on ${host}:${port}: ${cause.message}`,
        {
          operation: 'start',
          retryable: false,
          cause,
        },
      )
    })
    const { port: own } = this.#server.address() as AddressInfo
    this.#origin = `${host.includes(':') ? `[${host}]` : host}:${own}`
  }

  url(stage: string): string {
    return `ws://${this.#origin}/${stage}`
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#settled()
    for (const connection of this.#open.values()) connection.end(1012, 'the server stops')
    await Promise.all([...this.#open.values()].map(({ closed }) => closed))
    await this.#settled()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  /** Waits for the WebSocket events that the function is handling now. */
  async #settled(): Promise<void> {
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, this.#options.patience ?? 30_000)
    await Promise.race([Promise.allSettled(this.#busy), late.promise])
    clearTimeout(timer)
  }

  #track(work: Promise<unknown>): void {
    this.#busy.add(work)
    void work.finally(() => this.#busy.delete(work)).catch(() => {})
  }

  async #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    const url = new URL(request.url ?? '/', 'ws://local')
    const stage = url.pathname.slice(1).replace(/\/$/, '')
    if (!this.#options.stages.includes(stage) || this.#isStopping) return refuse(stream, 403)
    const { headers } = request
    const isHandshake =
      headers.upgrade?.toLowerCase() === 'websocket' &&
      headers['sec-websocket-version'] === '13' &&
      KEY.test(headers['sec-websocket-key'] ?? '')
    if (!isHandshake) return refuse(stream, 400)
    const facts: ConnectionFacts = {
      connectionId: newConnectionId(),
      stage,
      apiId: `local-${stage}`,
      domainName: this.#origin,
      connectedAt: this.#clock.now(),
      sourceIp: request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '127.0.0.1',
      userAgent: headers['user-agent'],
    }
    const answer = await this.#invoke(connectEvent(facts, this.#clock.now(), request, url.searchParams))
    const result = answer === 'timeout' ? { statusCode: 504 } : (answer ?? { statusCode: 502 })
    const status = result.statusCode ?? 502
    if (stream.destroyed) return
    if (status < 200 || status > 299) return refuse(stream, status, facts.connectionId)
    protocols.set(request, protocolOf(result))
    this.#upgrades.handleUpgrade(request, stream, head, (socket) => {
      const connection = new Connection(socket, stream, facts, this.#clock)
      this.#open.set(facts.connectionId, connection)
      connection.onMessage((text) => this.#track(this.#message(connection, text)))
      connection.onEnd((end) => {
        const lost = this.#options.losesDisconnect?.(facts.connectionId) === true
        if (!lost) this.#track(this.#invoke(disconnectEvent(facts, this.#clock.now(), end)))
        this.#open.delete(facts.connectionId)
      })
    })
  }

  /**
   * Invokes the function with a WebSocket message. Messages of one client are invoked concurrently, as they
   * arrive.
   */
  async #message(connection: Connection, text: string): Promise<void> {
    const event = messageEvent(connection.facts, this.#clock.now(), text)
    const answer = await this.#invoke(event)
    if (answer !== undefined && answer !== 'timeout') return
    // The WebSocket client is told of the function's failure by a message, as from API Gateway.
    const { connectionId, requestId } = event.requestContext
    const message = answer === 'timeout' ? 'Endpoint request timed out' : 'Internal server error'
    if (connection.isOpen) connection.send(JSON.stringify({ message, connectionId, requestId }))
  }

  /** Returns the function's result for a WebSocket event; undefined if it failed or returned none. */
  async #invoke(event: GatewayEvent): Promise<GatewayResult | 'timeout' | undefined> {
    const { routeKey, connectionId } = event.requestContext
    const late = Promise.withResolvers<'timeout'>()
    const cancel = this.#clock.after(INTEGRATION_TIMEOUT, () => late.resolve('timeout'))
    try {
      const work = this.#options.invoke(JSON.stringify(event))
      // A failure of the function after the gateway's timeout is ignored.
      work.catch(() => {})
      const answer = await Promise.race([work, late.promise])
      if (answer === 'timeout') return answer
      if (answer.kind === 'error') throw new Error(`${answer.errorType}: ${answer.errorMessage}`)
      const result = JSON.parse(await wholePayload(answer)) as GatewayResult | null
      return typeof result?.statusCode === 'number' && result.statusCode < 600 ? result : undefined
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      this.#options.onError(`${routeKey} of ${connectionId}: ${text}`)
      return undefined
    } finally {
      cancel()
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, stage, encoded] = CONNECTIONS.exec(request.url ?? '') ?? []
    if (stage === undefined || encoded === undefined || !this.#options.stages.includes(stage))
      return answer(response, 403, 'ForbiddenException', 'Forbidden')
    // Calls of `@connections` must be signed; only AWS checks the signature itself.
    if (!/^AWS4-HMAC-SHA256 .*\/execute-api\/aws4_request,/.test(request.headers.authorization ?? ''))
      return answer(response, 403, 'MissingAuthenticationTokenException', 'Missing Authentication Token')
    const body = await readBody(request)
    const connectionId = decodeURIComponent(encoded)
    if (!/^[\w=-]{1,200}$/.test(connectionId))
      return answer(response, 400, 'BadRequestException', 'Invalid connectionId')
    if (this.#options.throttles?.(connectionId) === true)
      return answer(response, 429, 'LimitExceededException', 'Rate exceeded')
    const connection = this.#open.get(connectionId)
    // API Gateway also answers 410 for a client whose `$connect` is not answered yet.
    if (connection?.facts.stage !== stage || !connection.isOpen)
      return answer(response, 410, 'GoneException', 'Gone')
    switch (request.method) {
      case 'POST':
        if (body.byteLength > MESSAGE_LIMIT)
          return answer(response, 413, 'PayloadTooLargeException', 'Request Entity Too Large')
        connection.send(body.toString())
        return void response.writeHead(200, { 'content-length': 0 }).end()
      case 'DELETE':
        connection.end(1000, 'Connection Closed Normally')
        return void response.writeHead(204).end()
      case 'GET':
        response.writeHead(200, { 'content-type': 'application/json' })
        return void response.end(describe(connection))
      default:
        return answer(response, 403, 'ForbiddenException', 'Forbidden')
    }
  }
}

/** The fields of a function's result that the gateway reads. */
interface GatewayResult {
  readonly statusCode?: number
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * WebSocket subprotocol that the function chose for a request. Other headers of its answer reach no client.
 */
const protocols = new WeakMap<IncomingMessage, string | false>()

function protocolOf({ headers = {} }: GatewayResult): string | false {
  const name = Object.keys(headers).find((one) => one.toLowerCase() === 'sec-websocket-protocol')
  return name === undefined ? false : (headers[name] as string)
}

function describe({ facts, lastActiveAt }: Connection): string {
  const { sourceIp, userAgent } = facts
  return JSON.stringify({
    connectedAt: new Date(facts.connectedAt).toISOString(),
    identity: { sourceIp, userAgent },
    lastActiveAt: new Date(lastActiveAt).toISOString(),
  })
}

/** Refuses a WebSocket connection with the status and a body of API Gateway's own. */
function refuse(stream: Duplex, status: number, connectionId?: string): void {
  const message = status === 403 ? 'Forbidden' : status >= 500 ? 'Internal server error' : 'Refused'
  const body = JSON.stringify({ message, connectionId, requestId: randomUUID() })
  stream.end(
    `HTTP/1.1 ${status} Refused\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}

function answer(response: ServerResponse, status: number, type: string, message: string): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': type })
    .end(JSON.stringify({ message }))
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}
