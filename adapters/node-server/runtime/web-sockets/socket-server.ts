import type { SocketsDeclaration } from '../../../../core/bindings/declarations.ts'
import type {
  SocketMessage,
  SocketTransport,
  SocketTransportFactory,
} from '../../../../core/bindings/socket-transport.ts'
import type { Runtime } from '../../../../core/runtime/runtime.ts'
import type { Upgrades } from '../http/upgrades.ts'

/** The part of a runtime that has the handlers of an app's WebSockets. */
export type SocketRuntime = Pick<Runtime, 'app' | 'env' | 'socket'>

/**
 * The WebSocket part of a server. It is only a type, so that an app without sockets does not bundle its code.
 */
export interface SocketServer extends Upgrades {
  // oxlint-disable-next-line typescript/no-explicit-any -- a driver of the binding's own kind
  readonly transport: SocketTransportFactory<any>
  /** Number of open WebSockets. */
  readonly size: number
  /** Returns the transport that was created for a sockets binding; undefined for other bindings. */
  transportOf(binding: string): SocketTransport | undefined
  /** Replaces a sockets binding's declaration by that of a new app version; its open sockets stay. */
  redeclare(binding: string, declaration: SocketsDeclaration): void
  /**
   * Closes the WebSockets of a binding with 1012 and forgets the binding. The caller closes the binding's
   * driver.
   */
  drop(binding: string, reason: string): void
  /**
   * Starts receiving socket messages from other processes; `runtime` has the app's handlers. Called again for
   * a new version or for more bindings.
   */
  listen(runtime: SocketRuntime): Promise<void>
  /**
   * Answers a WebSocket upgrade request to a binding's path, inside the request's event. `app` answers it,
   * unless the app never sees the request (a wrong version, a foreign origin, a used ticket). Returns
   * undefined for all other requests.
   */
  admit(request: Request, app: () => Response | Promise<Response>): Response | Promise<Response> | undefined
  /**
   * Accepts no more WebSockets, closes each with 1012 once its handlers are done, and waits for the `close`
   * handlers. After `seconds` it cuts the remaining sockets. Resolves to true if all finished by themselves.
   */
  stop(seconds: number): Promise<boolean>
}

/**
 * The members of {@link SocketServer} that a server of one app calls; an existing Worker's part has only
 * these.
 */
export type ServerSockets = Upgrades & Pick<SocketServer, 'transport' | 'listen' | 'admit' | 'stop'>

/** A WebSocket as seen by {@link SocketQuota}. */
export interface MeteredSocket {
  readonly isOpen: boolean
  readonly isPaused: boolean
  pause(): void
  resume(): void
  closeWith(code: number, reason: string): void
}

/** Limits that a host sets on the WebSockets of one app. */
export interface SocketQuota {
  /** Largest WebSocket message in bytes, also where the binding allows more. */
  readonly messageBytes: number
  /** Returns false if an app with `open` WebSockets may not open another. */
  mayOpen(open: number): boolean
  /**
   * Counts a WebSocket message that arrived. The quota may pause the socket; it returns false if it has
   * closed the socket.
   */
  arrived(socket: MeteredSocket, bytes: number): boolean
  /**
   * Counts a ping or pong that arrived, by the rate of messages: each is work too. The quota may pause or
   * close the socket.
   */
  pinged(socket: MeteredSocket): void
  /** Returns true while the quota keeps the WebSocket paused. */
  holds(socket: MeteredSocket): boolean
  /** Called when the WebSocket is closed. */
  forget(socket: MeteredSocket): void
  /** Called when a WebSocket handler begins with a message of `bytes` bytes. */
  hold(bytes: number): void
  /** Called when the handler of a WebSocket message of `bytes` bytes has ended. */
  release(bytes: number): void
  /**
   * Called for each message that the app sends to a WebSocket. @throws `LimitExceeded` for too large a
   * message, `Throttled` for too many.
   */
  sends(message: SocketMessage): void
  /** Returns false if `bytes` more bytes may not be buffered for WebSocket clients that read slowly. */
  mayBuffer(bytes: number): boolean
  /** Called when bytes are written to a WebSocket; the result is called once the bytes are sent. */
  writing(bytes: number): () => void
}

/** Options of {@link CreateSocketServer}, which creates an app's WebSocket server. */
export interface SocketServerOptions {
  /** Seconds that a handler of a WebSocket may run. */
  readonly wallTimeout: number
  /** Limits on the app's WebSockets. Default: only the portable ones. */
  readonly quota?: SocketQuota | undefined
  /** Logs an error of the WebSocket server or a handler. Default: console.error. */
  readonly log?: ((message: string, error: unknown) => void) | undefined
  /**
   * Called with the `waitUntil` work of a WebSocket handler that has ended. Default: the work is not tracked.
   */
  readonly onBackground?: ((work: Promise<unknown>) => void) | undefined
}

/** Type of `createSocketServer`, which the entry of an app with sockets passes to `serve`. */
export type CreateSocketServer = (options: SocketServerOptions) => SocketServer
