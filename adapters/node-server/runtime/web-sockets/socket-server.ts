import type { SocketsDeclaration } from '../../../../core/bindings/declarations.ts'
import type {
  SocketMessage,
  SocketTransport,
  SocketTransportFactory,
} from '../../../../core/bindings/socket-transport.ts'
import type { Runtime } from '../../../../core/runtime/runtime.ts'
import type { Upgrades } from '../http/upgrades.ts'

/** What has the handlers of an app's sockets. */
export type SocketRuntime = Pick<Runtime, 'app' | 'env' | 'socket'>

/** The sockets' part of a server; a type alone, so that an app without sockets carries none of it. */
export interface SocketServer extends Upgrades {
  // oxlint-disable-next-line typescript/no-explicit-any -- a driver of the binding's own kind
  readonly transport: SocketTransportFactory<any>
  /** Number of sockets that are open. */
  readonly size: number
  /** What {@link transport} made for a binding; undefined for others. */
  transportOf(binding: string): SocketTransport | undefined
  /** A new version of the app declares the binding so; its open sockets stay. */
  redeclare(binding: string, declaration: SocketsDeclaration): void
  /** Closes the sockets of a binding with 1012 and forgets it. Its driver is the caller's to close. */
  drop(binding: string, reason: string): void
  /**
   * Begins to hear of other processes; `runtime` has the app's handlers. A second call is for a new version
   * or more bindings.
   */
  listen(runtime: SocketRuntime): Promise<void>
  /**
   * Answers an upgrade of a binding's path, within its event: by `app`, or in its place where the app never
   * sees it (a wrong version, a foreign origin, a used ticket). Undefined for all other requests.
   */
  admit(request: Request, app: () => Response | Promise<Response>): Response | Promise<Response> | undefined
  /**
   * Takes no more sockets, closes each with 1012 once its handlers are done, and waits for the `close`
   * handlers. After `seconds` it cuts what is left. True if all finished by themselves.
   */
  stop(seconds: number): Promise<boolean>
}

/** What a server of one app calls; an existing Worker's part has no more. */
export type ServerSockets = Upgrades & Pick<SocketServer, 'transport' | 'listen' | 'admit' | 'stop'>

/** A socket as a {@link SocketQuota} handles it. */
export interface MeteredSocket {
  readonly isOpen: boolean
  readonly isPaused: boolean
  pause(): void
  resume(): void
  closeWith(code: number, reason: string): void
}

/** What a host holds the sockets of one app to. */
export interface SocketQuota {
  /** Bytes of a message at most, also where the binding allows more. */
  readonly messageBytes: number
  /** False if the app may have no more than the `open` sockets that it has. */
  mayOpen(open: number): boolean
  /** A message came. May pause the socket; false where it has closed the socket. */
  arrived(socket: MeteredSocket, bytes: number): boolean
  /** True while the socket is not to be read. */
  holds(socket: MeteredSocket): boolean
  /** The socket is closed. */
  forget(socket: MeteredSocket): void
  /** A handler has begun with a message of so many bytes. */
  hold(bytes: number): void
  /** That handler has ended. */
  release(bytes: number): void
  /** @throws `LimitExceeded` for a message that is too large, `Throttled` for one too many. */
  sends(message: SocketMessage): void
  /** False if so many bytes more may not wait for clients that read slowly. */
  mayBuffer(bytes: number): boolean
  /** Bytes are written to a connection; the result is called once they have left. */
  writing(bytes: number): () => void
}

/** Options of {@link CreateSocketServer}. */
export interface SocketServerOptions {
  /** Seconds that a handler of a socket may take. */
  readonly wallTimeout: number
  /** Default: no limits beyond the portable ones. */
  readonly quota?: SocketQuota | undefined
  /** Default: console.error. */
  readonly log?: ((message: string, error: unknown) => void) | undefined
  /** Given the `waitUntil` work of a handler that has ended. Default: nobody is. */
  readonly onBackground?: ((work: Promise<unknown>) => void) | undefined
}

/** Type of `createSocketServer`, which the entry of an app with sockets passes on. */
export type CreateSocketServer = (options: SocketServerOptions) => SocketServer
