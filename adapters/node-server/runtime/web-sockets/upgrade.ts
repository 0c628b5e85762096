import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { AcceptedSocket } from '../../../../core/bindings/socket-transport.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import { CONNECTION_FIELDS } from '../http/message-fields.ts'
import type { PendingUpgrade } from '../http/upgrades.ts'

/** Header that marks the response of a sockets binding's `accept`; it is never sent to the client. */
export const ACCEPTED_HEADER = 'unmoor-socket'

/** Turns an accepted connection into a WebSocket. */
export interface SocketOpener {
  /**
   * Returns false if the app has its limit of sockets open. Asked as the connection is about to open, since
   * many upgrades may have been under way at once.
   */
  mayOpen(): boolean
  open(upgrade: Upgrade, id: string, accepted: AcceptedSocket): void
}

/** Dependencies of an {@link Upgrade} on its server. */
export interface UpgradeOptions {
  readonly incoming: IncomingMessage
  readonly socket: Duplex
  /** Data that the client sent after its WebSocket upgrade request. */
  readonly head: Buffer
  /** Returns false if no more WebSockets may be opened. */
  readonly mayOpen: () => boolean
  /** Detaches the ServerResponse from the upgraded connection. */
  readonly detach: () => void
}

/** A request that wants to become a WebSocket and has not been answered. */
export class Upgrade implements PendingUpgrade {
  readonly incoming: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
  /** The WebSocket that `accept` prepared. */
  accepted:
    | { readonly opener: SocketOpener; readonly id: string; readonly socket: AcceptedSocket }
    | undefined
  /** Value of the upgrade request's ticket, as JSON text. */
  ticket: string | undefined
  /**
   * Called when the connection has become a WebSocket; from then on its ServerResponse does not report the
   * end.
   */
  onTaken: (() => void) | undefined
  /** Header lines that the app adds to the 101 response of a WebSocket upgrade. */
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

  /** True if the connection has become a WebSocket, or is about to, and no longer speaks HTTP. */
  get isTaken(): boolean {
    return this.#isAnswered && (this.accepted !== undefined || this.#isHandedOver)
  }

  /** Returns the connection, to become a WebSocket that another process holds. */
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

  /**
   * Turns the connection into a WebSocket if `response` is that of `accept`; returns false for any other
   * response.
   */
  take(outgoing: ServerResponse, response: Response): boolean {
    const { accepted } = this
    if (accepted === undefined || response.headers.get(ACCEPTED_HEADER) !== accepted.id) {
      this.accepted = undefined
      this.#isAnswered = true
      return false
    }
    this.#isAnswered = true
    if (!this.#options.mayOpen() || !accepted.opener.mayOpen()) {
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

/** Throws: the request is not a WebSocket upgrade that this server is answering. */
export function notAnswered(): never {
  throw new UnmoorError(
    'InvalidArgument',
    'accept takes the request that the fetch handler is answering, or a copy of it: a GET of HTTP/1.1 ' +
      'without a body that asks for a WebSocket.',
  )
}

/** Returns true if the app may set this header of a WebSocket upgrade's 101 response. */
function isOwn(name: string): boolean {
  return (
    name !== ACCEPTED_HEADER &&
    name !== 'content-length' &&
    !name.startsWith('sec-websocket-') &&
    !CONNECTION_FIELDS.has(name)
  )
}

const KEY = /^[+/0-9A-Za-z]{22}==$/

/** Returns true if a body follows the head of a request. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return (headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined
}

/**
 * Returns true if a request can become a WebSocket. Other requests are answered as if they had no Upgrade
 * header.
 */
export function asksForSocket(incoming: IncomingMessage): boolean {
  const { method, httpVersion, headers } = incoming
  const asks = headers.upgrade?.toLowerCase() === 'websocket'
  return asks && method === 'GET' && httpVersion === '1.1' && !hasBody(incoming)
}

/**
 * Returns the error response for a WebSocket handshake that RFC 6455, section 4.2.1, does not allow;
 * undefined if it is valid.
 */
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
