import type { SocketsDeclaration } from '../../../../core/bindings/declarations.ts'
import type {
  AcceptedSocket,
  SocketMessage,
  SocketTransport,
} from '../../../../core/bindings/socket-transport.ts'
import { socketGone } from '../../../../core/bindings/sockets.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import { pause } from '../../../drivers/aws/client.ts'
import type { ApiGatewaySockets } from './driver.ts'
import { connectionIdOf } from './socket-event.ts'
import { notAnswered, type Upgrade } from './upgrade.ts'

/**
 * Milliseconds after a socket's accept in which a 410 of API Gateway may mean that the client has no answer
 * yet.
 */
const OPENING = 5000
/** Milliseconds that a call to API Gateway waits for a WebSocket connection to open. */
const PATIENCE = 2000
const FIRST_PAUSE = 10
const LONGEST_PAUSE = 200
/** Maximum number of WebSocket messages of one publish that are sent concurrently. */
const AT_ONCE = 32

/** The sockets of one binding on Lambda: API Gateway holds the connections, and DynamoDB their records. */
export class ApiGatewayTransport implements SocketTransport {
  readonly declaration: SocketsDeclaration
  readonly store: ApiGatewaySockets
  readonly endpoint: string
  #upgradeOf: (request: Request) => Upgrade | undefined
  /** The last `@connections` call of this process for each WebSocket, so that calls arrive in their order. */
  #last = new Map<string, Promise<unknown>>()

  constructor(
    declaration: SocketsDeclaration,
    store: ApiGatewaySockets,
    upgradeOf: (request: Request) => Upgrade | undefined,
  ) {
    this.declaration = declaration
    this.store = store
    this.endpoint = store.connections.endpoint
    this.#upgradeOf = upgradeOf
  }

  async accept(request: Request, accepted: AcceptedSocket): Promise<Response> {
    return (this.#upgradeOf(request) ?? notAnswered()).accept(accepted)
  }

  async send(id: string, message: SocketMessage): Promise<void> {
    if (!(await this.#post(id, textOf(message)))) throw socketGone(id)
  }

  async publish(topic: string, message: SocketMessage): Promise<void> {
    const text = textOf(message)
    let failed: { readonly error: unknown } | undefined
    for await (const ids of this.store.members(topic)) {
      const left = ids.values()
      const worker = async (): Promise<void> => {
        for (const id of left) {
          try {
            // A gone socket's own record is kept: the `close` handler of a later `$disconnect` needs it.
            if (!(await this.#post(id, text))) await this.store.leave(id, topic)
          } catch (error) {
            failed ??= { error }
          }
        }
      }
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, ids.length) }, worker))
    }
    // The error of a publish is thrown only after all other members have received the message.
    if (failed !== undefined) throw failed.error
  }

  /**
   * Closes a socket by API Gateway. Code and reason cannot reach the client: DeleteConnection takes only an
   * id.
   */
  async close(id: string): Promise<void> {
    if (!(await this.end(id))) throw socketGone(id)
  }

  /** Ends a socket's connection; false if the socket is gone. */
  end(id: string): Promise<boolean> {
    return this.#reach(id, (connection) => this.store.connections.delete(connection))
  }

  setData(id: string, data: string | undefined): Promise<void> {
    return this.store.setData(id, data)
  }

  subscribe(id: string, topic: string): Promise<void> {
    return this.store.subscribe(id, topic)
  }

  unsubscribe(id: string, topic: string): Promise<void> {
    return this.store.unsubscribe(id, topic)
  }

  saveTicket(id: string, value: string, seconds: number): Promise<void> {
    return this.store.saveTicket(id, value, seconds)
  }

  ticketOf(request: Request): string | undefined {
    return this.#upgradeOf(request)?.ticket
  }

  #post(id: string, text: string): Promise<boolean> {
    return this.#reach(id, (connection) => this.store.connections.post(connection, text))
  }

  /** Makes calls to API Gateway for one socket one after another; false if the socket is gone. */
  async #reach(id: string, call: (connectionId: string) => Promise<boolean>): Promise<boolean> {
    const connection = connectionIdOf(id)
    if (connection === undefined) return false
    const mine = (this.#last.get(id) ?? Promise.resolve()).then(
      () => this.#whenOpen(id, connection, call),
      () => this.#whenOpen(id, connection, call),
    )
    this.#last.set(id, mine)
    try {
      return await mine
    } finally {
      if (this.#last.get(id) === mine) this.#last.delete(id)
    }
  }

  /**
   * Retries a call to API Gateway while the WebSocket opens: it answers 410 until the client has the answer
   * of `$connect`.
   */
  async #whenOpen(
    id: string,
    connection: string,
    call: (connectionId: string) => Promise<boolean>,
  ): Promise<boolean> {
    if (await call(connection)) return true
    const record = await this.store.find(id)
    if (record === undefined || this.store.now - record.since > OPENING) return false
    const end = performance.now() + PATIENCE
    for (let wait = FIRST_PAUSE; performance.now() < end; wait = Math.min(wait * 2, LONGEST_PAUSE)) {
      await pause(wait)
      if (await call(connection)) return true
    }
    return false
  }
}

function textOf(message: SocketMessage): string {
  if (typeof message === 'string') return message
  throw new UnmoorError('Unsupported', 'API Gateway carries text only.', {
    details: { capability: 'sockets.binary' },
  })
}
