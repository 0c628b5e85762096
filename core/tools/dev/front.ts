import {
  Agent,
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request as requestUpstream,
  type Server,
  ServerResponse,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { UnmoorError } from '../../errors.ts'
import { errorAnswer } from './error-page.ts'
import type { SeenRequest } from './activity.ts'

/** Number of ports that `unmoor dev` tries after the requested one. */
const MORE_PORTS = 20
/**
 * Milliseconds after which the front of `unmoor dev` assumes that the app's runtime has accepted a forwarded
 * request. A runtime that stops still answers the requests that it has accepted.
 */
const ACCEPTED_MS = 1000
const EMPTY = new Uint8Array(0)
const HEAD_BYTES = 64 * 1024

type State =
  | { readonly kind: 'loading' }
  | { readonly kind: 'open'; readonly port: number }
  | { readonly kind: 'failed'; readonly message: string }

/** A request that the front of `unmoor dev` is forwarding to the app's runtime. */
interface Exchange {
  readonly since: number
  /** Aborts the front's connection to the app's runtime. */
  readonly cut: () => void
  /** True for an exchange whose response has server-sent events, which may never end by itself. */
  isEndless?: boolean
}

/** One request at the port of `unmoor dev`, once its response has ended or its client has left. */
export type Answered = Omit<SeenRequest, 'id'>

/**
 * Forwards each request to the current runtime, of a port of its own (`listen`) or of another server. While a
 * build replaces the runtime, requests wait, so browsers see no refused connection. After a failure with no
 * runtime left, it answers requests with the error.
 */
export class DevFront {
  /** Called after each request. Default: nobody is told. */
  onAnswered: (answered: Answered) => void = () => {}
  /** Headers that are set on each forwarded request, in place of the client's. Default: none. */
  readonly #added: Readonly<Record<string, string>>
  #server: Server | undefined
  #state: State = { kind: 'loading' }
  #waiting: (() => void)[] = []
  #exchanges = new Set<Exchange>()
  #sockets = new Set<Socket>()
  // The front of `unmoor dev` opens a new connection for each forwarded request, since the runtime may be
  // about to close an idle one.
  #agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY })

  constructor(added: Readonly<Record<string, string>> = {}) {
    this.#added = added
  }

  #createServer(): Server {
    const server = createServer({
      maxHeaderSize: HEAD_BYTES,
      keepAliveTimeout: 65_000,
      requestTimeout: 0,
      headersTimeout: 60_000,
      // Older versions of Node ignore `shouldUpgradeCallback` and treat every Upgrade header as an upgrade.
      shouldUpgradeCallback: ({ headers }) => /^websocket$/i.test(headers.upgrade ?? ''),
    })
    server.maxHeadersCount = 0
    return server
      .on('connection', (socket) => {
        this.#sockets.add(socket)
        socket.once('close', () => this.#sockets.delete(socket))
      })
      .on('request', (incoming, outgoing) => void this.answer(incoming, outgoing))
      .on('checkContinue', (incoming, outgoing) => void this.answer(incoming, outgoing))
      .on('upgrade', (incoming, socket, head) => void this.upgrade(incoming, socket, head))
  }

  /**
   * Listens for `unmoor dev` on `port`, or on the first free one of the next twenty.
   *
   * @throws `Unavailable` if none of the ports is free, or the address cannot be listened on.
   */
  static async listen(port: number, host: string): Promise<DevFront> {
    const front = new DevFront()
    const server = front.#createServer()
    front.#server = server
    const last = port === 0 ? 0 : Math.min(port + MORE_PORTS, 65_535)
    for (let next = port; ; next++) {
      try {
        await new Promise<void>((resolve, reject) => {
          server.once('error', reject)
          server.listen(next, host, () => {
            server.off('error', reject)
            resolve()
          })
        })
        return front
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException
        if (code === 'EADDRINUSE' && next < last) continue
        throw new UnmoorError(
          'Unavailable',
          code === 'EADDRINUSE'
            ? `Ports ${port} to ${last} on ${host} are in use. Take another with --port, or 0 for a free one.`
            : `Cannot listen on port ${next} of ${host}: ${message}. Take another with --port or --host.`,
          { cause: error },
        )
      }
    }
  }

  /** Port that the front listens on; 0 if it has none of its own. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | undefined)?.port ?? 0
  }

  /** Forwards waiting and new requests to the app's runtime on this port. */
  open(port: number): void {
    this.#change({ kind: 'open', port })
  }

  /** Answers waiting and new requests of `unmoor dev` with status 503 and this error message. */
  fail(message: string): void {
    this.#change({ kind: 'failed', message })
  }

  /**
   * Makes new requests of `unmoor dev` wait. Resolves once the runtime can stop without losing a request:
   * each open request is finished, or old enough that the runtime has accepted it. Event streams, which may
   * never end, are aborted.
   */
  async hold(): Promise<void> {
    this.#state = { kind: 'loading' }
    for (;;) {
      for (const exchange of this.#exchanges) if (exchange.isEndless === true) exchange.cut()
      const youngest = Math.max(0, ...[...this.#exchanges].map(({ since }) => since))
      const left = youngest + ACCEPTED_MS - performance.now()
      if (this.#exchanges.size === 0 || left <= 0) return
      await sleep(Math.min(left, 10))
    }
  }

  async close(): Promise<void> {
    this.fail('unmoor dev has stopped.')
    const server = this.#server
    const closed = server === undefined ? undefined : new Promise((resolve) => server.close(resolve))
    for (const exchange of this.#exchanges) exchange.cut()
    for (const socket of this.#sockets) socket.destroy()
    this.#agent.destroy()
    await closed
  }

  #change(state: State): void {
    this.#state = state
    for (const wake of this.#waiting.splice(0)) wake()
  }

  async #ready(): Promise<Exclude<State, { kind: 'loading' }>> {
    while (this.#state.kind === 'loading') await new Promise<void>((resolve) => this.#waiting.push(resolve))
    return this.#state
  }

  /** Forwards a request and its response. */
  async answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const tell = this.#teller(incoming)
    outgoing.once('close', () => tell(outgoing.statusCode, outgoing.writableFinished))
    const state = await this.#ready()
    if (incoming.destroyed && !incoming.complete) return
    if (state.kind === 'failed') return errorAnswer(incoming, outgoing, state.message)
    const { exchange, upstream } = this.#send(incoming, state.port)
    outgoing.once('close', () => {
      this.#exchanges.delete(exchange)
      cut(upstream)
    })
    upstream
      .on('response', (response) => {
        exchange.isEndless = /^text\/event-stream\b/i.test(response.headers['content-type'] ?? '')
        relay(response, outgoing)
      })
      .on('error', (error) => refused(incoming, outgoing, error))
    incoming.pipe(upstream)
    upstream.on('continue', () => outgoing.writeContinue())
  }

  /** Forwards a WebSocket handshake, and what follows it. */
  async upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy())
    const tell = this.#teller(incoming)
    const state = await this.#ready()
    if (socket.destroyed) return
    const outgoing = new ServerResponse(incoming)
    outgoing.shouldKeepAlive = false
    outgoing.on('finish', () => {
      tell(outgoing.statusCode, true)
      socket.end()
    })
    const answerHere = (answer: () => void): void => {
      // The connection to the app's runtime also fails after the client has left or been answered, so no
      // second answer is sent.
      if (socket.destroyed || outgoing.socket !== null) return
      outgoing.assignSocket(socket as Socket)
      answer()
    }
    if (state.kind === 'failed') return answerHere(() => errorAnswer(incoming, outgoing, state.message))
    const { exchange, upstream } = this.#send(incoming, state.port)
    socket.once('close', () => {
      this.#exchanges.delete(exchange)
      cut(upstream)
    })
    upstream
      .on('upgrade', (response, other, otherHead) => {
        // An open WebSocket does not delay the replacement of the app in `unmoor dev` (`hold`), since the
        // runtime closes its WebSockets when it stops.
        this.#exchanges.delete(exchange)
        tell(response.statusCode ?? 101, true)
        socket.write(rawHead(response), 'latin1')
        if (otherHead.length > 0) socket.write(otherHead)
        if (head.length > 0) other.write(head)
        other.on('error', () => socket.destroy()).on('close', () => socket.destroy())
        socket.on('close', () => other.destroy())
        socket.pipe(other).pipe(socket)
      })
      .on('response', (response) => answerHere(() => relay(response, outgoing)))
      .on('error', (error) => answerHere(() => refused(incoming, outgoing, error)))
    upstream.end()
  }

  #teller({ method = '', url: path = '' }: IncomingMessage): (status: number, complete: boolean) => void {
    const time = Date.now()
    const started = performance.now()
    return (status, complete) =>
      this.onAnswered({ time, method, path, status, duration: performance.now() - started, complete })
  }

  #send(incoming: IncomingMessage, port: number): { exchange: Exchange; upstream: ClientRequest } {
    const upstream = requestUpstream({
      agent: this.#agent,
      host: '127.0.0.1',
      port,
      method: incoming.method,
      path: incoming.url,
      headers: requestHeaders(incoming, this.#added),
      maxHeaderSize: HEAD_BYTES,
      setDefaultHeaders: false,
    })
    upstream.setNoDelay(true)
    const exchange: Exchange = { since: performance.now(), cut: () => cut(upstream) }
    this.#exchanges.add(exchange)
    return { exchange, upstream }
  }
}

/**
 * Resets the front's connection to the app's runtime, so that it learns that the client has left. A plain end
 * would look like a client that still listens.
 */
function cut(upstream: ClientRequest): void {
  const { socket } = upstream
  // A connection that is already closing is not reset: that would leave a handle open in Node.
  if (socket?.writableEnded === false && !socket.destroyed) socket.resetAndDestroy()
  upstream.destroy()
}

/** Forwards the runtime's response unchanged: header names and values, and bytes as they arrive. */
function relay(response: IncomingMessage, outgoing: ServerResponse): void {
  // A server that the front is a part of may have set headers for responses of its own.
  for (const name of outgoing.getHeaderNames()) outgoing.removeHeader(name)
  outgoing.sendDate = false
  // HTTP/2 has no status message.
  const message = outgoing.req.httpVersionMajor >= 2 ? undefined : response.statusMessage
  outgoing.writeHead(response.statusCode ?? 502, message, withoutFraming(response.rawHeaders))
  // An empty write sends the response head at once. `flushHeaders` would encode header bytes above 127 as
  // UTF-8.
  outgoing.write(EMPTY)
  response.on('end', () => {
    if (response.rawTrailers.length > 0) outgoing.addTrailers(pairs(response.rawTrailers))
  })
  // A response that the runtime truncated is truncated for the client too, so that it does not look complete.
  response.on('error', () => outgoing.destroy())
  response.pipe(outgoing)
}

function refused(incoming: IncomingMessage, outgoing: ServerResponse, error: Error): void {
  if (outgoing.headersSent || outgoing.destroyed) return void outgoing.destroy()
  errorAnswer(
    incoming,
    outgoing,
    `The app's process closed the connection without an answer: ${error.message}.`,
  )
}

/** Returns the header fields of a forwarded request; those of HTTP/2 as HTTP/1.1 has them. */
function requestHeaders(
  incoming: IncomingMessage,
  added: Readonly<Record<string, string>>,
): readonly string[] {
  const isHttp2 = incoming.httpVersionMajor >= 2
  if (!isHttp2 && Object.keys(added).length === 0) return incoming.rawHeaders
  const fields = pairs(incoming.rawHeaders).filter(
    ([name]) => !name.startsWith(':') && !Object.hasOwn(added, name.toLowerCase()),
  )
  fields.push(...Object.entries(added))
  if (!isHttp2) return fields.flat()
  // HTTP/2 may split the cookies into several fields, and needs no field for the body's length.
  const cookies = fields.filter(([name]) => name === 'cookie').map(([, value]) => value)
  const others = fields.filter(([name]) => name !== 'cookie')
  const { stream } = incoming as IncomingMessage & { stream?: { endAfterHeaders?: boolean } }
  const hasLength = others.some(([name]) => name === 'content-length')
  return [
    'host',
    String(incoming.headers[':authority'] ?? incoming.headers.host),
    ...others.filter(([name]) => name !== 'host').flat(),
    ...(cookies.length === 0 ? [] : ['cookie', cookies.join('; ')]),
    ...(hasLength || stream?.endAfterHeaders === true ? [] : ['transfer-encoding', 'chunked']),
  ]
}

/** Removes header fields that concern one HTTP connection; Node adds its own for the client's connection. */
function withoutFraming(raw: readonly string[]): string[] {
  return pairs(raw)
    .filter(([name]) => !/^(?:connection|keep-alive|transfer-encoding)$/i.test(name))
    .flat()
}

function pairs(raw: readonly string[]): [name: string, value: string][] {
  const all: [string, string][] = []
  for (let index = 0; index + 1 < raw.length; index += 2)
    all.push([raw[index] as string, raw[index + 1] as string])
  return all
}

function rawHead({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = pairs(rawHeaders).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${statusCode} ${statusMessage ?? ''}\r\n${lines.join('')}\r\n`
}
