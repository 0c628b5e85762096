import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** A request that wants to leave HTTP (for WebSocket) and has not been answered. */
export interface PendingUpgrade {
  /** True once the connection has left HTTP: nothing may be written to its ServerResponse any more. */
  readonly isTaken: boolean
  /** Called when the upgraded connection has left HTTP. */
  onTaken: (() => void) | undefined
  /**
   * Takes over the connection if `response` accepts the upgrade from HTTP; returns false for an ordinary
   * answer.
   */
  take(outgoing: ServerResponse, response: Response): boolean
}

/** Request listener of an HTTP server; `upgrade` is set for a request that may leave HTTP. */
export type HttpListener = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  upgrade?: PendingUpgrade,
) => void

/** Handler of requests that want to leave HTTP (for WebSocket). */
export interface Upgrades {
  /**
   * Returns true for a request whose Upgrade header counts; other requests are answered as if they had none.
   */
  isUpgrade(incoming: IncomingMessage): boolean
  /** Answers a request with an Upgrade header through the listener, which may take over the connection. */
  begin(incoming: IncomingMessage, socket: Duplex, head: Buffer, listener: HttpListener): void
}
