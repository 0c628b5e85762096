import type { SocketsDeclaration } from '../../../../core/bindings/declarations.ts'
import type {
  SocketMessage,
  SocketTransport,
  SocketTransportFactory,
} from '../../../../core/bindings/socket-transport.ts'
import type { Runtime } from '../../../../core/runtime/runtime.ts'
import type { Upgrades } from '../http/upgrades.ts'

/** The part of a runtime that has the handlers of an app's sockets. */
export type SocketRuntime = Pick<Runtime, 'app' | 'env' | 'socket'>

/**
 * The WebSocket part of a server. It is only a type, so that an app without sockets does not bundle its code.
 */
export interface SocketServer extends Upgrades {
  // oxlint-disable-next-line typescript/no-explicit-any -- a driver of the binding's own kind
  readonly transport: SocketTransportFactory<any>
  /** Number of open sockets. */
  readonly size: number
  /** Returns the transport that was created for a binding; undefined for other bindings. */
  transportOf(binding: string): SocketTransport | undefined
  /** Replaces a binding's declaration by that of a new app version; its open sockets stay. */
  redeclare(binding: string, declaration: SocketsDeclaration): void
  /**
   * Closes the sockets of a binding with 1012 and forgets the binding. The caller closes the binding's
   * driver.
   */
  drop(binding: string, reason: string): void
  /**
   * Starts receiving from other processes; `runtime` has the app's handlers. Called again for a new version
   * or for more bindings.
   */
  listen(runtime: SocketRuntime): Promise<void>
  /**
   * Answers an upgrade request to a binding's path, inside the request's event. `app` answers it, unless the
   * app never sees the request (a wrong version, a foreign origin, a used ticket). Returns undefined for all
   * other requests.
   */
  admit(request: Request, app: () => Response | Promise<Response>): Response | Promise<Response> | undefined
  /**
   * Accepts no more sockets, closes each with 1012 once its handlers are done, and waits for the `close`
   * handlers. After `seconds` it cuts the remaining sockets. Resolves to true if all finished by themselves.
   */
  stop(seconds: number): Promise<boolean>
}

/**
 * The members of {@link SocketServer} that a server of one app calls; an existing Worker's part has only
 * these.
 */
export type ServerSockets = Upgrades & Pick<SocketServer, 'transport' | 'listen' | 'admit' | 'stop'>

/** A socket as seen by {@link SocketQuota}. */
export interface MeteredSocket {
  readonly isOpen: boolean
  readonly isPaused: boolean
  pause(): void
  resume(): void
  closeWith(code: number, reason: string): void
}

/** Limits that a host sets on the sockets of one app. */
export interface SocketQuota {
  /** Largest message in bytes, also where the binding allows more. */
  readonly messageBytes: number
  /** Returns false if an app with `open` sockets may not open another. */
  mayOpen(open: number): boolean
  /** Counts a message that arrived. It may pause the socket; it returns false if it has closed the socket. */
  arrived(socket: MeteredSocket, bytes: number): boolean
  /** Returns true while the quota keeps the socket paused. */
  holds(socket: MeteredSocket): boolean
  /** Called when the socket is closed. */
  forget(socket: MeteredSocket): void
  /** Called when a handler begins with a message of `bytes` bytes. */
  hold(bytes: number): void
  /** Called when the handler of a message of `bytes` bytes has ended. */
  release(bytes: number): void
  /** Called for each send. @throws `LimitExceeded` for too large a message, `Throttled` for too many. */
  sends(message: SocketMessage): void
  /** Returns false if `bytes` more bytes may not be buffered for clients that read slowly. */
  mayBuffer(bytes: number): boolean
  /** Called when bytes are written to a connection; the result is called once the bytes are sent. */
  writing(bytes: number): () => void
}

/** Options of {@link CreateSocketServer}. */
export interface SocketServerOptions {
  /** Seconds that a handler of a socket may run. */
  readonly wallTimeout: number
  /** Limits on the app's sockets. Default: only the portable ones. */
  readonly quota?: SocketQuota | undefined
  /** Log of errors. Default: console.error. */
  readonly log?: ((message: string, error: unknown) => void) | undefined
  /** Called with the `waitUntil` work of a handler that has ended. Default: the work is not tracked. */
  readonly onBackground?: ((work: Promise<unknown>) => void) | undefined
}

/** Type of `createSocketServer`, which the entry of an app with sockets passes to `serve`. */
export type CreateSocketServer = (options: SocketServerOptions) => SocketServer
