/** The admin port of a server: health and metrics, on a port of its own that no client of the app reaches. */
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, BlockList, isIP } from 'node:net'
import { listen } from '../http/listen.ts'

/** The server on the admin port of a process. */
export interface AdminServer {
  /** Origin of the admin port, such as `http://127.0.0.1:9090`. */
  readonly url: string
  /** Marks the process as ready: `/readyz` on the admin port answers 200 from now on. */
  ready(): void
  /** Marks the process as about to close its port: `/readyz` on the admin port answers 503 from now on. */
  draining(): void
  close(): void
}

/** Options of {@link startAdmin}. */
export interface AdminOptions {
  /** Port that the admin server listens on; 0 picks a free one. */
  port: number
  /** Address of the admin port. On a loopback address, requests by foreign host names are refused. */
  host: string
  /** Metrics with which the admin port answers `/metrics`. */
  metrics: { readonly type: string; text(): Promise<string> }
}

interface Answer {
  status: number
  text: string
  type?: string
  allow?: string
}

/**
 * Starts the admin port. `/livez` answers 200 as long as the process works. `/readyz` answers 200 between
 * `ready` and `draining`, else 503 and the reason. `/metrics` answers in Prometheus's text format.
 *
 * @throws as {@link listen} does.
 */
export async function startAdmin({ port, host, metrics }: AdminOptions): Promise<AdminServer> {
  let state = 'starting'
  let isLocal = true
  const answer = async (incoming: IncomingMessage): Promise<Answer> => {
    if (isLocal && !isOwnName(incoming.headers.host, host)) return FOREIGN_HOST
    const path = incoming.url?.replace(/\?.*$/s, '')
    if (path !== '/livez' && path !== '/readyz' && path !== '/metrics')
      return { status: 404, text: 'Not Found: /livez, /readyz and /metrics are here' }
    if (incoming.method !== 'GET' && incoming.method !== 'HEAD')
      return { status: 405, text: 'Method Not Allowed: use GET or HEAD', allow: 'GET, HEAD' }
    if (path === '/livez') return { status: 200, text: 'ok' }
    if (path === '/readyz') return { status: state === 'ok' ? 200 : 503, text: state }
    return { status: 200, text: await metrics.text(), type: metrics.type }
  }
  const server = createServer((incoming, outgoing) => {
    incoming.resume()
    void answer(incoming)
      .catch((error: unknown): Answer => {
        console.error('The metrics could not be collected:', error)
        return { status: 500, text: 'The metrics could not be collected: the log says why' }
      })
      .then(({ status, text, type = 'text/plain; charset=utf-8', allow }) => {
        outgoing.writeHead(status, {
          'content-type': type,
          'content-length': Buffer.byteLength(text),
          'cache-control': 'no-store',
          ...(allow === undefined ? {} : { allow }),
        })
        outgoing.end(incoming.method === 'HEAD' ? undefined : text)
      })
  })
  await listen(server, { port, host, variables: { port: 'ADMIN_PORT', host: 'ADMIN_HOST' } })
  const bound = server.address() as AddressInfo
  isLocal = isLoopback(bound.address)
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound.port}`,
    ready: () => void (state = 'ok'),
    draining: () => void (state = 'draining'),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

const FOREIGN_HOST: Answer = {
  status: 421,
  text:
    'Misdirected Request: a port on a loopback address answers requests for localhost, 127.0.0.1 and [::1] ' +
    'only. Set ADMIN_HOST to the address that you ask for.',
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8)
LOOPBACK.addAddress('::1', 'ipv6')

function isLoopback(host: string): boolean {
  if (isIP(host) === 0) return host.toLowerCase() === 'localhost'
  return LOOPBACK.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')
}

/**
 * Returns true for a Host header that names this machine itself, or the `host` that the port was given. A
 * page of the web can make a browser ask a loopback address under the page's own name (DNS rebinding), and
 * would then read the answer. A request without a Host header is of HTTP/1.0, which browsers do not speak.
 */
function isOwnName(header: string | undefined, host: string): boolean {
  if (header === undefined) return true
  const name = header.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1')
  return name.toLowerCase() === host.toLowerCase() || isLoopback(name)
}
