/**
 * The interface that a target implements for its sockets bindings, between the portable class and whatever
 * holds the connections (a Node process, the host of an isolate, a Durable Object, API Gateway). All its data
 * is flat, so that it can cross a bridge, a network or a restart.
 */
import type { SocketsDeclaration } from './declarations.ts'
import type { DriverContext } from './driver.ts'

/** A WebSocket message as it passes between the app and the sockets transport: text or bytes. */
export type SocketMessage = string | Uint8Array<ArrayBuffer>

/** Facts about a WebSocket from its accept; every field is within the portable limits. */
export interface AcceptedSocket {
  /** JSON text of the WebSocket's `socket.data`; undefined if there is none. */
  readonly data: string | undefined
  readonly topics: readonly string[]
  /** WebSocket subprotocol chosen among those that the client offered; undefined if there is none. */
  readonly protocol: string | undefined
}

/**
 * Holds the WebSockets of one sockets binding. Arguments are checked against the portable limits before the
 * call. The transport itself only checks the number of a socket's topics, by `addTopic`, because only the
 * transport knows them.
 *
 * Failures are `UnmoorError`s; the portable class adds binding and operation:
 * - `NotFound`: no open socket has this id. A socket whose closing has begun is not open. A transport that
 *   cannot tell yet (API Gateway) resolves, and says `NotFound` from when it knows.
 * - `Throttled`: the platform takes no more for now.
 * - `Unavailable`: what holds the socket did not answer; `mayHaveApplied` where the message may have arrived.
 * - `Unsupported`: the platform cannot, and the capability that says so.
 *
 * Events go in the other direction: the target calls `runSocketEvent` of `unmoor/runtime` once for each
 * event, or carries the same flat data to where the app runs.
 */
export interface SocketTransport {
  /**
   * Prepares a WebSocket for the upgrade `request`, and returns the answer that creates the socket once the
   * fetch handler returns it. The answer has status 200 and a header by which the target recognises it, which
   * survives a copy (`new Response(answer.body, answer)`). The app may set headers on the answer; the client
   * receives them. An answer that is not returned creates no socket and leaves nothing behind.
   *
   * @throws `InvalidArgument` for a request that is not being answered now, or was accepted already.
   */
  accept(request: Request, accepted: AcceptedSocket): Promise<Response>
  /**
   * Sends a WebSocket message; resolves when it is handed over: written to the connection, or taken by the
   * platform that writes it.
   */
  send(id: string, message: SocketMessage): Promise<void>
  /**
   * Sends a message to every WebSocket of the binding that has the topic, in all processes and instances,
   * including the caller's own sockets. Resolves when the message is handed over. A topic that no socket has
   * is no error.
   */
  publish(topic: string, message: SocketMessage): Promise<void>
  /**
   * Begins to close a WebSocket; the `close` handler runs when the socket is closed. The client sees `code`
   * and `reason` if the capability `sockets.closeCode` holds.
   */
  close(id: string, code: number, reason: string): Promise<void>
  /** Replaces a WebSocket's `socket.data`; the next event sees the new data. The last writer wins. */
  setData(id: string, data: string | undefined): Promise<void>
  /**
   * Adds a topic to a WebSocket; a topic that the socket has is no error. @throws `LimitExceeded` for a 17th
   * topic.
   */
  subscribe(id: string, topic: string): Promise<void>
  /** Removes a topic from a WebSocket; a topic that the socket does not have is no error. */
  unsubscribe(id: string, topic: string): Promise<void>
  /**
   * URL to which WebSocket clients connect, such as `wss://abc.execute-api.eu-west-1.amazonaws.com/live`.
   * Default: the binding's path at the origin of the app.
   */
  readonly endpoint?: string | undefined
  /**
   * Stores a WebSocket ticket, as {@link TicketedSocketsDriver.saveTicket}. Required for bindings with
   * `tickets`.
   */
  saveTicket?(id: string, value: string, seconds: number): Promise<void>
  /**
   * Returns the data of a WebSocket upgrade's ticket as JSON text; undefined for a request without a ticket.
   * The transport has redeemed the ticket before the fetch handler ran, and answered 401 itself if it was not
   * valid.
   */
  ticketOf?(request: Request): string | undefined
}

/**
 * Creates the transport of a sockets binding, once per binding at start. `driver` is the binding's driver.
 */
export type SocketTransportFactory<Driver = unknown> = (
  context: Pick<DriverContext, 'binding' | 'app' | 'now'> & { readonly declaration: SocketsDeclaration },
  driver: Driver,
) => SocketTransport

/** An event of a WebSocket: `open`, `message` or `close`. */
export type SocketEvent =
  | { readonly type: 'open' }
  | { readonly type: 'message'; readonly message: SocketMessage }
  | {
      readonly type: 'close'
      /**
       * The WebSocket client's close code if the client began to close, else the code with which the socket
       * was closed; 1005 for a close without a code, 1006 for a connection that was cut.
       */
      readonly code: number
      readonly reason: string
      /** True if both sides completed WebSocket's closing handshake. */
      readonly clean: boolean
    }

/** The state of a WebSocket at an event. */
export interface SocketState {
  readonly id: string
  /** JSON text of the WebSocket's `socket.data`; undefined if there is none. */
  readonly data: string | undefined
}
