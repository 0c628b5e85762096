/**
 * TCP connections of existing Workers (`core/compat/workers/fetch-sockets.ts`): a connection is one fetch,
 * whose bodies are the connection's two directions. The rules of outbound requests hold for connections too.
 */
import { isIP, type Socket as TcpSocket } from 'node:net'
import { openSocket, type Socket } from '../../../node-server/runtime/sockets.ts'
import type { CheckedLookup } from './lookup.ts'
import { BAD_PORTS } from './ports.ts'
import type { OutboundOptions, OutboundRequest } from './request.ts'
import { Refused } from './rules.ts'

/** Most TCP connections of one app at once. */
const MAX_OPEN = 64

const SCHEMES = /^(?:tcp|tls|starttls|upgrade):\/\//

/** True if an app's request is for a TCP connection. */
export function isTcp({ url }: OutboundRequest): boolean {
  return SCHEMES.test(url)
}

export class TcpClient {
  #options: OutboundOptions
  #lookup: CheckedLookup
  #open = new Set<Socket>()
  /** TCP connections that may get TLS later, with the controller that stops sending their first body. */
  #plain = new Map<string, { socket: Socket; pump: AbortController }>()

  constructor(options: OutboundOptions, lookup: CheckedLookup) {
    this.#options = options
    this.#lookup = lookup
  }

  /**
   * Opens a TCP connection, or starts TLS on one. Rejects with a TypeError if the connection is refused or
   * fails.
   */
  async fetch(request: OutboundRequest): Promise<Response> {
    const url = new URL(request.url)
    const scheme = url.protocol.slice(0, -1)
    this.#options.onRequest?.()
    const socket = scheme === 'upgrade' ? this.#upgrade(url) : this.#connect(url, scheme)
    this.#open.add(socket)
    const id = scheme === 'starttls' ? crypto.randomUUID() : ''
    const forget = (): void => {
      this.#open.delete(socket)
      this.#plain.delete(id)
    }
    void socket.closed.then(forget, forget)
    const abort = (): void => void socket.close()
    request.signal?.addEventListener('abort', abort, { once: true })
    const { connectTimeout = 10_000 } = this.#options
    const timer = setTimeout(abort, connectTimeout)
    const info = await socket.opened.finally(() => clearTimeout(timer))
    const pump = new AbortController()
    if (id !== '') this.#plain.set(id, { socket, pump })
    const { body } = request
    if (body instanceof ReadableStream)
      void body
        .pipeTo(socket.writable, { signal: pump.signal, preventAbort: id !== '' })
        .catch(() => (pump.signal.aborted ? undefined : socket.close()))
    return new Response(socket.readable, {
      headers: {
        'x-socket': id,
        'x-remote-address': info.remoteAddress ?? '',
        'x-local-address': info.localAddress ?? '',
      },
    })
  }

  #connect(url: URL, scheme: string): Socket {
    const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1')
    const port = Number(url.port)
    const { policy, idleTimeout = 300_000 } = this.#options
    if (BAD_PORTS.has(port)) throw new Refused(url.host, `port ${port} is one that fetch never uses`)
    if (this.#open.size >= MAX_OPEN)
      throw new TypeError(`connect() failed: ${MAX_OPEN} connections are open. Close some first.`)
    policy.checkName(hostname, port)
    // A literal IP address is never looked up, so it is checked by the outbound rules here.
    if (isIP(hostname) !== 0) policy.check(hostname, hostname, port)
    const secureTransport = scheme === 'tls' ? 'on' : scheme === 'starttls' ? 'starttls' : 'off'
    return openSocket(
      { hostname, port },
      { secureTransport, allowHalfOpen: url.searchParams.has('half') },
      {
        lookup: this.#lookup.forPort(port),
        onStart(tcp: TcpSocket) {
          tcp.once('connect', () => {
            // Checks by the outbound rules the IP address to which the TCP connection has gone, whatever was
            // looked up.
            try {
              policy.check(hostname, tcp.remoteAddress ?? '', port)
            } catch (error) {
              tcp.destroy(error as Error)
            }
          })
          tcp.setTimeout(idleTimeout, () =>
            tcp.destroy(new Error(`the other side was silent for ${idleTimeout} ms`)),
          )
        },
      },
    )
  }

  #upgrade(url: URL): Socket {
    const id = url.hostname
    const found = this.#plain.get(id)
    if (found === undefined) throw new TypeError('connect() failed: the connection is closed')
    this.#plain.delete(id)
    found.pump.abort()
    const name = url.searchParams.get('name')
    return found.socket.startTls(name === null ? {} : { expectedServerHostname: name })
  }

  /** Ends all TCP connections of the app. */
  close(): void {
    for (const socket of this.#open) void socket.close()
  }
}
