/**
 * Sockets bindings (WebSockets) inside an isolate, imported only by the entry of an app that declares
 * sockets. The engine holds the connections; the guest receives events and requests actions as flat data.
 */
import type { SocketsDeclaration } from '../../../core/bindings/declarations.ts'
import type {
  AcceptedSocket,
  SocketEvent,
  SocketMessage,
  SocketTransport,
} from '../../../core/bindings/socket-transport.ts'
import { Sockets } from '../../../core/bindings/sockets.ts'
import { runSocketEvent } from '../../../core/runtime/socket-events.ts'
import { settle } from './env.ts'
import { EventRecord } from './event-context.ts'
import type { GuestSockets } from './guest-sockets.ts'
import { link } from './link.ts'

/**
 * Sends an app's actions on WebSockets over the bridge to the engine, which checks every argument again
 * (`services/socket-calls.ts`).
 */
class BridgeTransport implements SocketTransport {
  #binding: string

  constructor(binding: string) {
    this.#binding = binding
  }

  async accept(request: Request, { data, topics, protocol }: AcceptedSocket): Promise<Response> {
    const event = eventOf(request)
    const headers = await this.#call('accept', event, data, topics, protocol)
    return new Response(null, { headers: headers as [string, string][] })
  }

  async send(id: string, message: SocketMessage): Promise<void> {
    // A WebSocket message is copied because the bridge transfers a view's whole buffer.
    await this.#call('send', id, typeof message === 'string' ? message : message.slice())
  }

  async publish(topic: string, message: SocketMessage): Promise<void> {
    await this.#call('publish', topic, typeof message === 'string' ? message : message.slice())
  }

  async close(id: string, code: number, reason: string): Promise<void> {
    await this.#call('close', id, code, reason)
  }

  async setData(id: string, data: string | undefined): Promise<void> {
    await this.#call('setData', id, data)
  }

  async subscribe(id: string, topic: string): Promise<void> {
    await this.#call('subscribe', id, topic)
  }

  async unsubscribe(id: string, topic: string): Promise<void> {
    await this.#call('unsubscribe', id, topic)
  }

  async saveTicket(id: string, value: string, seconds: number): Promise<void> {
    await this.#call('saveTicket', id, value, seconds)
  }

  ticketOf(request: Request): string | undefined {
    return link.callSync('ticket', this.#binding, eventOf(request)) as string | undefined
  }

  async #call(operation: string, ...data: unknown[]): Promise<unknown> {
    return settle(await link.request('socket', this.#binding, operation, data))
  }
}

/**
 * Returns the id of the event that a request came with; 0 for a request that the app made. In an isolate the
 * global `Request` is the guest's own class.
 */
function eventOf(request: unknown): number {
  return request instanceof Request ? link.eventOf(request as never) : 0
}

/** The sockets implementation passed to `serveApp` for an app with sockets. */
export const guestSockets: GuestSockets = {
  create: (binding, declaration) =>
    new Sockets(new BridgeTransport(binding), {
      binding,
      declaration: declaration as SocketsDeclaration<unknown, SocketMessage>,
    }),

  start(app, env) {
    link.on(
      'socket',
      (id: number, binding: string, socket: string, data: string | undefined, event: SocketEvent) => {
        const record = new EventRecord(id)
        const runtime = { app, env: env() }
        const onError = (message: string, error: unknown): void => console.error(message, error)
        void runSocketEvent({ runtime, binding, onError }, { id: socket, data }, event, record.ctx).then(
          (result) => {
            link.post('socketDone', id, 'error' in result)
            record.answered()
          },
        )
      },
    )
  },
}
