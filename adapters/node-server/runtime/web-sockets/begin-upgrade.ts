import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { refuseLate } from '../http/exchange.ts'
import type { HttpListener, PendingUpgrade } from '../http/upgrades.ts'
import { asksForSocket, hasBody, Upgrade } from './upgrade.ts'

/**
 * A connection whose request wants to leave HTTP; `head` is the data that the client sent after the request.
 */
export interface BegunUpgrade {
  readonly incoming: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

/**
 * Answers a WebSocket upgrade request through the server's listener, which may take over the connection. If
 * `mayOpen` returns false, a socket that the app accepted is answered with 503 instead.
 */
export function beginUpgrade(begun: BegunUpgrade, listener: HttpListener, mayOpen: () => boolean): void {
  beginUpgradeWith(begun, listener, (detach) => new Upgrade({ ...begun, mayOpen, detach }))
}

/**
 * Does what {@link beginUpgrade} does, with an upgrade that `create` makes. `create` receives a function that
 * detaches the ServerResponse from the connection.
 */
export function beginUpgradeWith(
  { incoming, socket }: BegunUpgrade,
  listener: HttpListener,
  create: (detach: () => void) => PendingUpgrade,
): void {
  const outgoing = new ServerResponse(incoming)
  // Bytes that a client sends after its WebSocket upgrade request are not HTTP, so the connection is not kept
  // alive.
  outgoing.shouldKeepAlive = false
  socket.on('error', ignore)
  const connection = socket as Socket
  try {
    outgoing.assignSocket(connection)
  } catch {
    // assignSocket throws while an answer to an earlier (pipelined) request is still being sent; the
    // WebSocket client's connection is cut so that the two answers cannot be mixed up.
    socket.destroy()
    return
  }
  const drain = (): void => void outgoing.emit('drain')
  connection.on('drain', drain)
  const detach = (): void => {
    connection.off('drain', drain)
    outgoing.detachSocket(connection)
  }
  outgoing.once('finish', () => {
    detach()
    connection.destroySoon()
    // The ServerResponse of an upgrade request emits "close", as node:http's own server does for each answer.
    outgoing.emit('close')
  })
  if (asksForSocket(incoming)) {
    listener(incoming, outgoing, create(detach))
    return
  }
  // Node before 24.9 hands over requests with any Upgrade header, and has not read their body at this point.
  if (hasBody(incoming)) refuseLate(outgoing, 501, 'Not Implemented: an Upgrade with a body')
  else listener(incoming, outgoing)
}

function ignore(): void {}
