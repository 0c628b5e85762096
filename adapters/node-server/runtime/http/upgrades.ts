import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** A request that wants to leave HTTP, until it is answered. */
export interface PendingUpgrade {
  /** True once the connection has left HTTP: nothing may be written to its ServerResponse any more. */
  readonly isTaken: boolean
  /** Set by whoever has to know that the connection has left HTTP. */
  onTaken: (() => void) | undefined
  /** Takes the connection over if `response` says so; false where it is an answer as any other. */
  take(outgoing: ServerResponse, response: Response): boolean
}

/** The listener of a server; `upgrade` is that of a request which may leave HTTP. */
export type HttpListener = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  upgrade?: PendingUpgrade,
) => void

/** What a server does with requests that want to leave HTTP. */
export interface Upgrades {
  /** True for an Upgrade header that counts; other requests are answered as if they had none. */
  isUpgrade(incoming: IncomingMessage): boolean
  /** Answers such a request by the listener, which may hand the connection over. */
  begin(incoming: IncomingMessage, socket: Duplex, head: Buffer, listener: HttpListener): void
}
