import type { Handshake, HandshakeAnswer } from '../../../../core/compat/workers/web-sockets/platform.ts'
import type { SocketQuota } from '../../../node-server/runtime/web-sockets/socket-server.ts'
import type { WorkerSocketServer } from '../../../node-server/runtime/worker-sockets/server.ts'
import type { OutboundClient } from '../../services/outbound/client.ts'
import type { WebSocketHost } from '../../services/web-sockets.ts'

/** Seconds that clients of an evicted isolate have to answer the close frame. */
const EVICT_SECONDS = 5

/** Options of {@link WorkerWebSockets}, the WebSockets of an existing Worker on a host. */
export interface WorkerWebSocketsOptions {
  /** Name of the app, for the log. */
  readonly name: string
  readonly quota: SocketQuota
  /** Called when a message goes into the isolate: it counts as an event of the app. */
  readonly onBegin: () => void
  /** Called when the isolate has taken a message. */
  readonly onEnd: () => void
}

/**
 * The WebSockets of one version of an existing Worker in this process. Unlike the sockets of a binding they
 * live in the isolate: they are closed with 1012 when it is evicted or replaced.
 */
export class WorkerWebSockets {
  #options: WorkerWebSocketsOptions
  #server: Promise<WorkerSocketServer> | undefined
  #loaded: WorkerSocketServer | undefined

  constructor(options: WorkerWebSocketsOptions) {
    this.#options = options
  }

  /** Number of the Worker's open connections. */
  get size(): number {
    return this.#loaded?.size ?? 0
  }

  /** Loads the server of WebSockets at the first use, so that other apps' hosts load no code for them. */
  #load(): Promise<WorkerSocketServer> {
    const { name, quota } = this.#options
    this.#server ??= import('../../server/worker-sockets.ts').then(
      ({ createWorkerSockets }) => (this.#loaded = createWorkerSockets(name, quota)),
    )
    return this.#server
  }

  /** Answers a request that asks for a WebSocket; `app` answers it, and may hand a WebSocket over. */
  async admit(request: Request, app: () => Response | Promise<Response>): Promise<Response> {
    const server = await this.#load()
    return server.admit(request, app) ?? app()
  }

  /** Returns this host's network for an isolate, whose handshakes go by the rules of `outbound`. */
  by(outbound: OutboundClient): WebSocketHost {
    const { quota, onBegin, onEnd } = this.#options
    return {
      quota,
      onBegin,
      onEnd,
      connect: (handshake) => this.#connect(handshake, outbound),
    }
  }

  async #connect(handshake: Handshake, outbound: OutboundClient): Promise<HandshakeAnswer> {
    const server = await this.#load()
    return server.connect(handshake, outbound.handshake(handshake.url))
  }

  /** Closes all connections with 1012, without waiting for clients; the next isolate has new ones. */
  evict(): void {
    const server = this.#loaded
    this.#server = undefined
    this.#loaded = undefined
    void server?.stop(EVICT_SECONDS, 'the app is evicted')
  }

  /** Closes all connections with 1012, and those that are still to come. Waits for at most `seconds`. */
  async stop(seconds: number): Promise<void> {
    const server = await this.#server?.catch(() => undefined)
    await server?.stop(seconds, 'the app is replaced')
  }
}
