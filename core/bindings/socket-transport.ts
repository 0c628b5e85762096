/**
 * What a target does for its sockets bindings: the one interface between the portable class and whatever
 * holds the connections (a Node process, the host of an isolate, a Durable Object, API Gateway). Everything
 * that crosses it is flat data, so that it can cross a bridge, a network or a restart.
 */
import type { SocketsDeclaration } from './declarations.ts'
import type { DriverContext } from './driver.ts'

/** A message as it travels. */
export type SocketMessage = string | Uint8Array<ArrayBuffer>

/** What a socket has from its first moment; every field is within the portable limits. */
export interface AcceptedSocket {
  /** JSON text of `socket.data`; undefined where there is none. */
  readonly data: string | undefined
  readonly topics: readonly string[]
  /** One of those that the client offered; undefined for none. */
  readonly protocol: string | undefined
}

/**
 * Holds the sockets of one binding. Arguments arrive checked against the portable limits; only how many
 * topics a socket has is the transport's to check, by `addTopic`, as it alone knows them.
 *
 * Failures are `UnmoorError`s; the portable class adds binding and operation:
 * - `NotFound`: no open socket has this id. A socket whose closing has begun is not open. A transport that
 *   cannot tell yet (API Gateway) resolves, and says `NotFound` from when it knows.
 * - `Throttled`: the platform takes no more for now.
 * - `Unavailable`: what holds the socket did not answer; `mayHaveApplied` where the message may have arrived.
 * - `Unsupported`: the platform cannot, and the capability that says so.
 *
 * Events go the other way: the target calls `runSocketEvent` of `unmoor/runtime` once for each, or carries
 * the same flat data to where the app runs.
 */
export interface SocketTransport {
  /**
   * Prepares a socket for the upgrade that `request` is, and gives the answer that makes it once the fetch
   * handler returns it: status 200 and a header by which the target knows it, which survives a copy
   * (`new Response(answer.body, answer)`). The app may set headers on it; they belong to the answer that the
   * client gets. Without being returned it makes no socket and leaves nothing behind.
   *
   * @throws `InvalidArgument` for a request that is not the one being answered, or was accepted already.
   */
  accept(request: Request, accepted: AcceptedSocket): Promise<Response>
  /** Resolves when the message is handed over: written to the connection, or taken by what does so. */
  send(id: string, message: SocketMessage): Promise<void>
  /**
   * To every socket of the binding that has the topic, on every process and of every instance; those of the
   * caller too. Resolves when handed over. A topic that no socket has is no error.
   */
  publish(topic: string, message: SocketMessage): Promise<void>
  /**
   * Begins the closing; the `close` handler runs when it is over. `code` and `reason` are what the client
   * sees where the capability `sockets.closeCode` holds.
   */
  close(id: string, code: number, reason: string): Promise<void>
  /** Replaces `socket.data`; the next event sees it. The last writer wins. */
  setData(id: string, data: string | undefined): Promise<void>
  /** Nothing happens for a topic that the socket has. @throws `LimitExceeded` for a 17th. */
  subscribe(id: string, topic: string): Promise<void>
  /** Nothing happens for a topic that the socket does not have. */
  unsubscribe(id: string, topic: string): Promise<void>
  /**
   * Where clients connect, such as `wss://abc.execute-api.eu-west-1.amazonaws.com/live`. Default: the
   * binding's path at the origin of the app.
   */
  readonly endpoint?: string | undefined
  /** As {@link TicketedSocketsDriver.saveTicket}. Required for bindings with `tickets`. */
  saveTicket?(id: string, value: string, seconds: number): Promise<void>
  /**
   * What the ticket of an upgrade carried, as JSON text; undefined for a request without one. The transport
   * has redeemed it before the fetch handler ran, and answered 401 itself where it was no good.
   */
  ticketOf?(request: Request): string | undefined
}

/** How a target makes the transport of a binding, once per binding at start. `driver` is the binding's. */
export type SocketTransportFactory<Driver = unknown> = (
  context: Pick<DriverContext, 'binding' | 'app' | 'now'> & { readonly declaration: SocketsDeclaration },
  driver: Driver,
) => SocketTransport

/** What happened to a socket. */
export type SocketEvent =
  | { readonly type: 'open' }
  | { readonly type: 'message'; readonly message: SocketMessage }
  | {
      readonly type: 'close'
      /**
       * The client's code where the client began the closing, else the code that closed it; 1005 for a close
       * without a code, 1006 for a connection that was cut.
       */
      readonly code: number
      readonly reason: string
      /** True if both sides closed in order. */
      readonly clean: boolean
    }

/** A socket as an event finds it. */
export interface SocketState {
  readonly id: string
  /** JSON text; undefined where there is none. */
  readonly data: string | undefined
}
