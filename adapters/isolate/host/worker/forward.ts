import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { refuse } from './refuse.ts'

const agent = new Agent({ keepAlive: true, maxSockets: 100 })

/**
 * Passes a request on to the process of an app that has one of its own. The only hop of a host, and only for
 * such apps.
 */
export function passOn(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  socketPath: string,
  target: string,
): void {
  const onward = request(
    {
      agent,
      socketPath,
      method: incoming.method,
      path: target,
      headers: withPeer(incoming),
      setHost: false,
    },
    (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders)
      answer.pipe(outgoing)
      answer.once('error', () => outgoing.destroy())
    },
  )
  onward.once('error', () => {
    if (outgoing.headersSent) outgoing.destroy()
    else
      refuse(outgoing, 503, "the app's process ended while it served this request, or is being started again")
  })
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) onward.destroy()
  })
  incoming.pipe(onward)
}

/** By which the process of an app learns who sent a request; its socket is open to the host alone. */
const PEER = 'unmoor-host-peer'

function withPeer({ rawHeaders, socket }: IncomingMessage): string[] {
  const headers: string[] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (name.toLowerCase() !== PEER) headers.push(name, rawHeaders[index + 1] as string)
  }
  if (socket.remoteAddress !== undefined) headers.push(PEER, `${socket.remoteAddress} ${socket.remotePort}`)
  return headers
}

/** Takes what {@link passOn} added out of a message again: the other end of the client's own connection. */
export function takePeer({ headers, socket }: IncomingMessage): void {
  const [address, port] = ((headers[PEER] as string | undefined) ?? '').split(' ')
  delete headers[PEER]
  // The connection carries one request at a time, so what it says holds for this one.
  Object.defineProperties(socket, {
    remoteAddress: { value: address || undefined, configurable: true },
    remotePort: { value: port === undefined ? undefined : Number(port), configurable: true },
  })
}
