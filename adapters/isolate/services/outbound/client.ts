import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { isIP, type Socket } from 'node:net'
import { type HandshakeRules, handshakeRules } from './handshake.ts'
import type { Hop } from './hop.ts'
import { CheckedLookup, resolveBySystem } from './lookup.ts'
import { BAD_PORTS } from './ports.ts'
import { bodyHeaders, sendBody } from './request-body.ts'
import { nextHop, REDIRECTS } from './redirect.ts'
import { toResponse } from './response.ts'
import { Refused } from './rules.ts'
import type { OutboundOptions, OutboundRequest } from './request.ts'
import { isTcp, TcpClient } from './tcp.ts'

export type { OutboundOptions, OutboundRequest } from './request.ts'

const MAX_REDIRECTS = 20
/**
 * Options of HTTP agents that keep connections: most connections to one origin and in all, and a timeout in
 * milliseconds.
 */
const AGENT = { keepAlive: true, maxSockets: 64, maxTotalSockets: 256, timeout: 10_000 }
/** Options of HTTP agents that open a connection of its own for each request. */
const FRESH = { maxSockets: 64, maxTotalSockets: 256 }
/** Idempotent methods: sending a request twice means the same as once (RFC 9110, section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PUT'])
const FORBIDDEN_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK'])
/** Headers about the HTTP connection, which an app cannot set (fetch's forbidden request-headers). */
const CONNECTION_HEADERS = [
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/**
 * Runs an app's `fetch` over node:http, so that every connection goes to the address that was checked, and no
 * second look-up is made. Connections are kept for one app only.
 */
export class OutboundClient {
  #options: OutboundOptions
  #lookup: CheckedLookup
  #tcp: TcpClient
  #plain: Agent | undefined
  #tls: TlsAgent | undefined
  #fresh: Agent | undefined
  #freshTls: TlsAgent | undefined

  constructor(options: OutboundOptions) {
    this.#options = options
    this.#lookup = new CheckedLookup(options.policy, options.resolve ?? resolveBySystem)
    this.#tcp = new TcpClient(options, this.#lookup)
  }

  /**
   * Sends an app's request to the network and follows its redirects. Rejects with a TypeError if the request
   * fails or is refused, and with the signal's reason if the signal aborts.
   */
  async fetch(request: OutboundRequest): Promise<Response> {
    const { signal } = request
    signal?.throwIfAborted()
    if (request.url.startsWith('data:')) {
      this.#options.onRequest?.()
      return fetch(request.url)
    }
    if (isTcp(request)) return this.#tcp.fetch(request)
    if (FORBIDDEN_METHODS.has(request.method.toUpperCase()))
      throw new TypeError(`fetch() takes no method ${request.method}`)
    const { body } = request
    const headers = new Headers(request.headers.map(([name, value]): [string, string] => [name, value]))
    let hop: Hop = {
      url: new URL(request.url),
      method: request.method,
      length: request.length ?? declaredLength(headers),
      headers: requestHeaders(headers),
      // An outbound request's body is sent as bytes: node:http would write a head and a text together, all of
      // it as UTF-8.
      body: typeof body === 'string' ? Buffer.from(body) : body,
    }
    for (let hops = 0; ; hops++) {
      this.#options.onRequest?.()
      const answer = await this.#sendOnceMore(hop, signal)
      const location = answer.headers.location
      if (
        !REDIRECTS.has(answer.statusCode ?? 0) ||
        request.redirect === 'manual' ||
        (location === undefined && request.redirect === 'follow')
      )
        return toResponse(answer, hop, hops > 0)
      answer.destroy()
      if (request.redirect === 'error')
        throw new TypeError('fetch failed: the answer is a redirect, and the request’s mode is "error"')
      if (hops === MAX_REDIRECTS) throw new TypeError(`fetch failed: more than ${MAX_REDIRECTS} redirects`)
      hop = nextHop(hop, answer.statusCode ?? 0, location ?? '')
    }
  }

  /**
   * Sends a hop of an app's request (the request or a redirect). If it went over a kept connection that the
   * server had closed before it answered anything, the hop is sent once more on a new connection (RFC 9112,
   * section 9.3.1). A hop that may not be repeated fails.
   */
  async #sendOnceMore(hop: Hop, signal: AbortSignal | undefined): Promise<IncomingMessage> {
    try {
      return await this.#send(hop, signal, false)
    } catch (error) {
      const mayRepeat = IDEMPOTENT.has(hop.method) && !(hop.body instanceof ReadableStream)
      if (!(error instanceof StaleConnection)) throw error
      if (!mayRepeat) throw error.failure
      return this.#send(hop, signal, true)
    }
  }

  async #send(hop: Hop, signal: AbortSignal | undefined, isFresh: boolean): Promise<IncomingMessage> {
    const { url, method, headers } = hop
    const isTls = url.protocol === 'https:'
    if (!isTls && url.protocol !== 'http:')
      throw new TypeError(`fetch failed: there is no way to ${url.protocol} URLs`)
    const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1')
    const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port)
    if (BAD_PORTS.has(port)) throw new TypeError(`fetch failed: port ${port} is one that fetch never uses`)
    const { policy } = this.#options
    policy.checkName(hostname, port)
    // A literal IP address is never looked up, so it is checked by the outbound rules here.
    if (isIP(hostname) !== 0) policy.check(hostname, hostname, port)
    const outgoing = (isTls ? tlsRequest : httpRequest)({
      method,
      hostname,
      port,
      path: url.pathname + url.search,
      headers: { ...Object.fromEntries(headers), ...bodyHeaders(hop) },
      agent: this.#agent(isTls, isFresh),
      lookup: this.#lookup.forPort(port),
      ...(signal === undefined ? {} : { signal }),
    })
    return this.#answered(outgoing, hop, { hostname, port }, signal)
  }

  #agent(isTls: boolean, isFresh: boolean): Agent {
    if (isFresh) return isTls ? (this.#freshTls ??= new TlsAgent(FRESH)) : (this.#fresh ??= new Agent(FRESH))
    return isTls ? (this.#tls ??= new TlsAgent(AGENT)) : (this.#plain ??= new Agent(AGENT))
  }

  #answered(
    outgoing: ClientRequest,
    hop: Hop,
    { hostname, port }: { hostname: string; port: number },
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const { policy, connectTimeout = 10_000, idleTimeout = 300_000 } = this.#options
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => outgoing.destroy(new Error(`no connection within ${connectTimeout} ms`)),
        connectTimeout,
      )
      let read = 0
      outgoing.once('socket', (socket: Socket & { authorized?: boolean; encrypted?: boolean }) => {
        read = socket.bytesRead
        if (!socket.connecting) return clearTimeout(timer)
        socket.once('connect', () => {
          // Checks by the outbound rules the IP address to which the connection has gone, whatever was looked
          // up.
          try {
            policy.check(hostname, socket.remoteAddress ?? '', port)
          } catch (error) {
            outgoing.destroy(error as Error)
          }
          if (socket.encrypted !== true) clearTimeout(timer)
        })
        socket.once('secureConnect', () => clearTimeout(timer))
      })
      outgoing.setTimeout(idleTimeout, () =>
        outgoing.destroy(new Error(`the other side was silent for ${idleTimeout} ms`)),
      )
      outgoing.once('response', (answer) => {
        clearTimeout(timer)
        // Errors of an outbound request are ignored once its response has begun: the response body reports
        // them.
        outgoing.on('error', () => {})
        resolve(answer)
      })
      const fail = (error: unknown): void => {
        clearTimeout(timer)
        outgoing.destroy()
        if (signal?.aborted === true) return reject(signal.reason as Error)
        const failure = error instanceof Refused ? error : new TypeError('fetch failed', { cause: error })
        const isStale =
          outgoing.reusedSocket && isClosed(error) && (outgoing.socket?.bytesRead ?? read) === read
        reject(isStale ? new StaleConnection(failure) : failure)
      }
      outgoing.on('error', fail)
      sendBody(outgoing, hop, fail)
    })
  }

  /**
   * Returns the rules for a WebSocket handshake of the app with the server of `url`. @throws TypeError for a
   * server that the app may not reach.
   */
  handshake(url: string): HandshakeRules {
    return handshakeRules(new URL(url), this.#options, this.#lookup)
  }

  /** Ends all connections of the app to the network. */
  close(): void {
    for (const agent of [this.#plain, this.#tls, this.#fresh, this.#freshTls]) agent?.destroy()
    this.#tcp.close()
  }
}

/** Error of a request whose kept connection had been closed by the server. */
class StaleConnection extends Error {
  readonly failure: TypeError | Refused
  constructor(failure: TypeError | Refused) {
    super('The connection had been closed.')
    this.failure = failure
  }
}

function isClosed(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return code === 'ECONNRESET' || code === 'EPIPE'
}

/**
 * Returns the length of a streamed body that the app's own content-length declares; undefined if it is not
 * valid.
 */
function declaredLength(headers: Headers): number | undefined {
  const length = headers.get('content-length') ?? ''
  return /^\d{1,15}$/.test(length) ? Number(length) : undefined
}

function requestHeaders(headers: Headers): Headers {
  for (const name of CONNECTION_HEADERS) headers.delete(name)
  if (!headers.has('accept')) headers.set('accept', '*/*')
  if (!headers.has('accept-encoding')) headers.set('accept-encoding', 'gzip, deflate, br')
  if (!headers.has('user-agent')) headers.set('user-agent', 'unmoor')
  return headers
}
