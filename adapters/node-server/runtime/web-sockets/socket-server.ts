import type { SocketTransport, SocketTransportFactory } from '../../../../core/bindings/socket-transport.ts'
import type { Runtime } from '../../../../core/runtime/runtime.ts'
import type { Upgrades } from '../http/upgrades.ts'

/** The sockets' part of a server; a type alone, so that an app without sockets carries none of it. */
export interface SocketServer extends Upgrades {
  // oxlint-disable-next-line typescript/no-explicit-any -- a driver of the binding's own kind
  readonly transport: SocketTransportFactory<any>
  /** What {@link transport} made for a binding; undefined for others. */
  transportOf(binding: string): SocketTransport | undefined
  /** Begins to hear of other processes; `runtime` has the app's handlers. */
  listen(runtime: Runtime): Promise<void>
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

/** Type of `createSocketServer`, which the entry of an app with sockets passes on. */
export type CreateSocketServer = (options: { readonly wallTimeout: number }) => SocketServer
