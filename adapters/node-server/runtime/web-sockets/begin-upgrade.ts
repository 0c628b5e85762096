import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { refuseLate } from '../http/exchange.ts'
import type { HttpListener, PendingUpgrade } from '../http/upgrades.ts'
import { asksForSocket, hasBody, Upgrade } from './upgrade.ts'

/** A connection whose request wants to leave HTTP; `head` is what came behind the request. */
export interface BegunUpgrade {
  readonly incoming: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

/**
 * Answers a request that wants to leave HTTP by the listener of all requests, which may hand the connection
 * over. `mayOpen`: false where a socket that was accepted is answered with 503 after all.
 */
export function beginUpgrade(begun: BegunUpgrade, listener: HttpListener, mayOpen: () => boolean): void {
  beginUpgradeWith(begun, listener, (detach) => new Upgrade({ ...begun, mayOpen, detach }))
}

/**
 * As {@link beginUpgrade}, with an upgrade of the caller's own. `create` is given what takes the
 * ServerResponse off the connection.
 */
export function beginUpgradeWith(
  { incoming, socket }: BegunUpgrade,
  listener: HttpListener,
  create: (detach: () => void) => PendingUpgrade,
): void {
  const outgoing = new ServerResponse(incoming)
  // What a client sends behind its request is no HTTP any more.
  outgoing.shouldKeepAlive = false
  socket.on('error', ignore)
  const connection = socket as Socket
  try {
    outgoing.assignSocket(connection)
  } catch {
    // An answer to an earlier request is still on its way: nobody may mix the two up.
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
    // As node:http's own server says of each answer.
    outgoing.emit('close')
  })
  if (asksForSocket(incoming)) {
    listener(incoming, outgoing, create(detach))
    return
  }
  // Node before 24.9 hands over every Upgrade, and has not read a body then.
  if (hasBody(incoming)) refuseLate(outgoing, 501, 'Not Implemented: an Upgrade with a body')
  else listener(incoming, outgoing)
}

function ignore(): void {}
