import type { ClientRequest } from 'node:http'
import { isIP, type LookupFunction, type Socket } from 'node:net'
import type { CheckedLookup } from './lookup.ts'
import { BAD_PORTS } from './ports.ts'
import type { OutboundOptions } from './request.ts'
import { Refused } from './rules.ts'

/** How a WebSocket handshake of an app reaches its server. */
export interface HandshakeRules {
  readonly lookup: LookupFunction
  readonly onRequest: (request: ClientRequest) => void
  readonly timeout: number
}

/**
 * Returns the rules of outbound requests as they hold for a WebSocket handshake. @throws Refused for a server
 * that the app may not reach.
 */
export function handshakeRules(
  { protocol, hostname: host, port: given }: URL,
  { policy, onRequest, connectTimeout = 10_000 }: OutboundOptions,
  lookup: CheckedLookup,
): HandshakeRules {
  const hostname = host.replace(/^\[(.*)\]$/, '$1')
  const port = given === '' ? (protocol === 'https:' ? 443 : 80) : Number(given)
  if (BAD_PORTS.has(port)) throw new Refused(hostname, `port ${port} is one that fetch never uses`)
  onRequest?.()
  policy.checkName(hostname, port)
  // A literal IP address is never looked up, so it is checked by the outbound rules here.
  if (isIP(hostname) !== 0) policy.check(hostname, hostname, port)
  return {
    lookup: lookup.forPort(port),
    timeout: connectTimeout,
    onRequest(request) {
      request.once('socket', (socket: Socket) =>
        socket.once('connect', () => {
          // Checks by the outbound rules the IP address to which the connection has gone, whatever was looked
          // up.
          try {
            policy.check(hostname, socket.remoteAddress ?? '', port)
          } catch (error) {
            request.destroy(error as Error)
          }
        }),
      )
    },
  }
}
