import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { AcceptedSocket } from '../../../../core/bindings/socket-transport.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import { CONNECTION_FIELDS } from '../http/message-fields.ts'
import type { PendingUpgrade } from '../http/upgrades.ts'

/** The header by which the answer of `accept` is known; it never leaves the process. */
export const ACCEPTED_HEADER = 'unmoor-socket'

/** Makes the socket that an app has accepted. */
export interface SocketOpener {
  open(upgrade: Upgrade, id: string, accepted: AcceptedSocket): void
}

/** What an upgrade needs of its server. */
export interface UpgradeOptions {
  readonly incoming: IncomingMessage
  readonly socket: Duplex
  /** What came behind the request. */
  readonly head: Buffer
  /** False where no socket may be opened any more. */
  readonly mayOpen: () => boolean
  /** Takes the ServerResponse off the connection. */
  readonly detach: () => void
}

/** A request that wants to become a socket, until it is answered. */
export class Upgrade implements PendingUpgrade {
  readonly incoming: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
  /** What `accept` prepared. */
  accepted:
    | { readonly opener: SocketOpener; readonly id: string; readonly socket: AcceptedSocket }
    | undefined
  /** What its ticket carried, as JSON text. */
  ticket: string | undefined
  /** Told when the connection has become a socket: its ServerResponse says nothing of its end any more. */
  onTaken: (() => void) | undefined
  /** Lines that the 101 has besides its own. */
  headers: readonly string[] = []
  #isAnswered = false
  #isHandedOver = false
  #options: UpgradeOptions

  constructor(options: UpgradeOptions) {
    this.incoming = options.incoming
    this.socket = options.socket
    this.head = options.head
    this.#options = options
  }

  /** True if the connection is a socket, or on its way to be one, and no more HTTP. */
  get isTaken(): boolean {
    return this.#isAnswered && (this.accepted !== undefined || this.#isHandedOver)
  }

  /** The connection, which has become a socket that another process holds. */
  handOver(): Duplex {
    this.#isAnswered = true
    this.#isHandedOver = true
    this.#options.detach()
    return this.socket
  }

  accept(opener: SocketOpener, id: string, socket: AcceptedSocket): Response {
    if (this.#isAnswered || this.accepted !== undefined)
      throw new UnmoorError(
        'InvalidArgument',
        'The request was accepted or answered already. Call accept once, and return what it gives.',
      )
    this.accepted = { opener, id, socket }
    return new Response(null, { headers: { [ACCEPTED_HEADER]: id } })
  }

  /** Makes a socket of the connection if this is the answer of `accept`; false for any other answer. */
  take(outgoing: ServerResponse, response: Response): boolean {
    const { accepted } = this
    if (accepted === undefined || response.headers.get(ACCEPTED_HEADER) !== accepted.id) {
      this.accepted = undefined
      this.#isAnswered = true
      return false
    }
    this.#isAnswered = true
    if (!this.#options.mayOpen()) {
      outgoing.writeHead(503, ['content-length', '0', 'connection', 'close'])
      outgoing.end()
      return true
    }
    const headers: string[] = []
    for (const [name, value] of response.headers) if (isOwn(name)) headers.push(`${name}: ${value}`)
    this.headers = headers
    this.#options.detach()
    accepted.opener.open(this, accepted.id, accepted.socket)
    this.onTaken?.()
    return true
  }
}

/** The error for a request that is no upgrade which this server is answering. */
export function notAnswered(): never {
  throw new UnmoorError(
    'InvalidArgument',
    'accept takes the request that the fetch handler is answering, or a copy of it: a GET of HTTP/1.1 ' +
      'without a body that asks for a WebSocket.',
  )
}

/** True if the app may set this field of a 101. */
function isOwn(name: string): boolean {
  return (
    name !== ACCEPTED_HEADER &&
    name !== 'content-length' &&
    !name.startsWith('sec-websocket-') &&
    !CONNECTION_FIELDS.has(name)
  )
}

const KEY = /^[+/0-9A-Za-z]{22}==$/

/** True if a body follows the head of a request. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return (headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined
}

/** True if a request can become a socket. Others are answered as if they asked for nothing. */
export function asksForSocket(incoming: IncomingMessage): boolean {
  const { method, httpVersion, headers } = incoming
  const asks = headers.upgrade?.toLowerCase() === 'websocket'
  return asks && method === 'GET' && httpVersion === '1.1' && !hasBody(incoming)
}

/** The answer to a handshake that RFC 6455, section 4.2.1, does not allow. */
export function handshakeFault({ headers }: IncomingMessage): Response | undefined {
  if (headers['sec-websocket-version'] !== '13')
    return new Response('Upgrade Required: this server speaks version 13 of WebSocket.', {
      status: 426,
      headers: { upgrade: 'websocket', 'sec-websocket-version': '13' },
    })
  if (!KEY.test(headers['sec-websocket-key'] ?? ''))
    return new Response('Bad Request: a Sec-WebSocket-Key is 16 bytes in base64.', { status: 400 })
  return undefined
}
