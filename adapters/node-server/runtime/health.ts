/** Answers liveness and readiness checks, on a port of its own that no client of the app reaches. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { listen } from './http/listen.ts'

/** The server on the health port of a process. */
export interface Health {
  /** Origin of the health server, such as `http://127.0.0.1:9090`. */
  readonly url: string
  /** Marks the process as ready: `/readyz` on the health port answers 200 from now on. */
  ready(): void
  /** Marks the process as about to close its port: `/readyz` on the health port answers 503 from now on. */
  draining(): void
  close(): void
}

/**
 * Answers `/livez` with 200 as long as the process works. `/readyz` is answered with 200 between `ready` and
 * `draining`, else with 503 and the reason. Any other path is a 404.
 *
 * @throws as {@link listen} does.
 */
export async function startHealth(port: number, host: string): Promise<Health> {
  let state = 'starting'
  const server = createServer((incoming, outgoing) => {
    incoming.resume()
    const path = incoming.url?.replace(/\?.*$/s, '')
    const [status, text] =
      path === '/livez'
        ? [200, 'ok']
        : path !== '/readyz'
          ? [404, 'Not Found: /livez and /readyz are here']
          : state === 'ok'
            ? [200, 'ok']
            : [503, state]
    outgoing.writeHead(status, {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
    })
    outgoing.end(incoming.method === 'HEAD' ? undefined : text)
  })
  await listen(server, { port, host, variables: { port: 'ADMIN_PORT', host: 'ADMIN_HOST' } })
  const { port: bound } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    ready: () => void (state = 'ok'),
    draining: () => void (state = 'draining'),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
