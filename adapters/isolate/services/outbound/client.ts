import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { isIP, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Hop, OutboundBody } from './hop.ts'
import { CheckedLookup, resolveBySystem, type Resolve } from './lookup.ts'
import { BAD_PORTS } from './ports.ts'
import { nextHop, REDIRECTS } from './redirect.ts'
import { toResponse } from './response.ts'
import { type OutboundPolicy, Refused } from './rules.ts'

/** A request of an app's to the network. */
export interface OutboundRequest {
  method: string
  url: string
  headers: readonly (readonly [string, string])[]
  redirect: 'follow' | 'manual' | 'error'
  body: OutboundBody
  signal?: AbortSignal | undefined
}

/** Options of {@link OutboundClient}. */
export interface OutboundOptions {
  policy: OutboundPolicy
  /**
   * Called before each request, those that follow a redirect too; what it throws, `fetch` throws. Default:
   * nothing.
   */
  onRequest?: (() => void) | undefined
  /** Default: the system's resolver. */
  resolve?: Resolve | undefined
  /** Milliseconds until there is a connection, TLS included. Default: 10,000. */
  connectTimeout?: number | undefined
  /** Milliseconds in which a connection may be silent. Default: 300,000. */
  idleTimeout?: number | undefined
}

const MAX_REDIRECTS = 20
/** Connections to one origin, and in all. */
const AGENT = { keepAlive: true, maxSockets: 64, maxTotalSockets: 256, timeout: 10_000 }
const FORBIDDEN_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK'])
/** Headers of the connection, which are not the app's to set (fetch's forbidden request-headers). */
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
 * The fetch of apps: over node:http, so that every connection goes to an address that was checked, and no
 * other is looked up for it. Connections are kept for one app only.
 */
export class OutboundClient {
  #options: OutboundOptions
  #lookup: CheckedLookup
  #plain: Agent | undefined
  #tls: TlsAgent | undefined

  constructor(options: OutboundOptions) {
    this.#options = options
    this.#lookup = new CheckedLookup(options.policy, options.resolve ?? resolveBySystem)
  }

  /**
   * Rejects with a TypeError for what fails on the way or is refused, with the signal's reason where it
   * aborts.
   */
  async fetch(request: OutboundRequest): Promise<Response> {
    const { signal } = request
    signal?.throwIfAborted()
    if (request.url.startsWith('data:')) {
      this.#options.onRequest?.()
      return fetch(request.url)
    }
    if (FORBIDDEN_METHODS.has(request.method.toUpperCase()))
      throw new TypeError(`fetch() takes no method ${request.method}`)
    let hop: Hop = {
      url: new URL(request.url),
      method: request.method,
      headers: requestHeaders(request.headers),
      body: request.body,
    }
    for (let hops = 0; ; hops++) {
      this.#options.onRequest?.()
      const answer = await this.#send(hop, signal)
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

  async #send(hop: Hop, signal: AbortSignal | undefined): Promise<IncomingMessage> {
    const { url, method, headers, body } = hop
    const isTls = url.protocol === 'https:'
    if (!isTls && url.protocol !== 'http:')
      throw new TypeError(`fetch failed: there is no way to ${url.protocol} URLs`)
    const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1')
    const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port)
    if (BAD_PORTS.has(port)) throw new TypeError(`fetch failed: port ${port} is one that fetch never uses`)
    const { policy } = this.#options
    policy.checkName(hostname, port)
    // A literal address is looked up nowhere.
    if (isIP(hostname) !== 0) policy.check(hostname, hostname, port)
    const outgoing = (isTls ? tlsRequest : httpRequest)({
      method,
      hostname,
      port,
      path: url.pathname + url.search,
      headers: { ...Object.fromEntries(headers), ...lengthOf(body, method) },
      agent: isTls ? (this.#tls ??= new TlsAgent(AGENT)) : (this.#plain ??= new Agent(AGENT)),
      lookup: this.#lookup.forPort(port),
      ...(signal === undefined ? {} : { signal }),
    })
    return this.#answered(outgoing, hop, { hostname, port }, signal)
  }

  #answered(
    outgoing: ClientRequest,
    { body }: Hop,
    { hostname, port }: { hostname: string; port: number },
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const { policy, connectTimeout = 10_000, idleTimeout = 300_000 } = this.#options
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => outgoing.destroy(new Error(`no connection within ${connectTimeout} ms`)),
        connectTimeout,
      )
      outgoing.once('socket', (socket: Socket & { authorized?: boolean; encrypted?: boolean }) => {
        if (!socket.connecting) return clearTimeout(timer)
        socket.once('connect', () => {
          // Where the connection has gone, whatever was looked up.
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
        // Errors after this are the body's.
        outgoing.on('error', () => {})
        resolve(answer)
      })
      const fail = (error: unknown): void => {
        clearTimeout(timer)
        outgoing.destroy()
        if (signal?.aborted === true) reject(signal.reason as Error)
        else reject(error instanceof Refused ? error : new TypeError('fetch failed', { cause: error }))
      }
      outgoing.on('error', fail)
      if (body instanceof ReadableStream) pipeline(Readable.fromWeb(body as never), outgoing).catch(fail)
      else outgoing.end(body ?? undefined)
    })
  }

  /** Ends all connections. */
  close(): void {
    this.#plain?.destroy()
    this.#tls?.destroy()
  }
}

function requestHeaders(given: OutboundRequest['headers']): Headers {
  const headers = new Headers(given.map(([name, value]): [string, string] => [name, value]))
  for (const name of CONNECTION_HEADERS) headers.delete(name)
  if (!headers.has('accept')) headers.set('accept', '*/*')
  if (!headers.has('accept-encoding')) headers.set('accept-encoding', 'gzip, deflate, br')
  if (!headers.has('user-agent')) headers.set('user-agent', 'unmoor')
  return headers
}

function lengthOf(body: OutboundBody, method: string): Record<string, string> {
  if (body instanceof ReadableStream) return { 'transfer-encoding': 'chunked' }
  if (body === null)
    return method === 'POST' || method === 'PUT' || method === 'PATCH' ? { 'content-length': '0' } : {}
  return { 'content-length': String(Buffer.byteLength(body)) }
}
