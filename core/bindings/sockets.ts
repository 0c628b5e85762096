import { invalidArgument, UnmoorError } from '../errors.ts'
import { SOCKET_LIMITS } from '../limits.ts'
import type { SocketsDeclaration } from './declarations.ts'
import type { NativeBinding } from './native.ts'
import { run, type Where } from './operation.ts'
import { checkOptions } from './options.ts'
import {
  checkClose,
  checkMessage,
  checkProtocol,
  checkTopic,
  checkTopics,
  encodeData,
} from './socket-checks.ts'
import type { SocketMessage, SocketState, SocketTransport } from './socket-transport.ts'

/** Options of {@link Sockets.accept}. */
export type AcceptOptions<Data> = {
  /**
   * Topics by which `publish` reaches the socket from its accept on, at most 16 of 128 bytes. Default: none.
   */
  topics?: readonly string[]
  /**
   * Subprotocol of the WebSocket, one of those that the client offered. Default: none; a browser that offered
   * subprotocols then ends the connection.
   */
  protocol?: string
} & (undefined extends Data
  ? {
      /** Data of the WebSocket: a JSON value of at most 2,048 bytes. Default: undefined. */
      data?: Data
    }
  : {
      /** Data of the WebSocket, which handlers read as `socket.data`: a JSON value of at most 2,048 bytes. */
      data: Data
    })

/** Options of {@link Sockets.url}. */
export interface SocketUrlOptions {
  /**
   * Data of a ticket for one WebSocket connection: a JSON value of at most 2,048 bytes, which
   * `env.NAME.ticket(request)` returns. For bindings with `tickets`. Default: none.
   */
  ticket?: unknown
  /** Seconds for which the WebSocket ticket is valid, 1 to 3600. Default: 60. */
  ticketSeconds?: number
}

/** Code and reason with which a WebSocket closed. */
export interface SocketClose {
  /**
   * The WebSocket client's close code if the client began to close, else the code with which the socket was
   * closed: 1005 for a close without a code, 1006 for a connection that was cut, 1011 after a handler threw,
   * 1012 when the server stopped, 1013 for a client that read too slowly.
   */
  readonly code: number
  readonly reason: string
  /** True if both sides completed WebSocket's closing handshake. */
  readonly clean: boolean
}

const ACCEPT_OPTIONS: readonly string[] = ['data', 'topics', 'protocol']
const URL_OPTIONS: readonly string[] = ['ticket', 'ticketSeconds']
const TICKET_SECONDS = 60
/** Bytes of a WebSocket ticket's id: enough that nobody can guess an id. */
const TICKET_BYTES = 24

/** Name of the URL's query parameter that carries a WebSocket ticket. */
export const TICKET_PARAMETER = 'ticket'

let socketOf: (sockets: Sockets, state: SocketState) => Socket

/** Creates the object that a handler receives for a WebSocket. @internal */
export function createSocket(sockets: Sockets, state: SocketState): Socket {
  return socketOf(sockets, state)
}

/**
 * The WebSockets of one binding: accepts clients in the fetch handler, and reaches them from any handler, by
 * their ids or by topics. Delivery is at most once: what a client misses while it is away is not sent again.
 */
export class Sockets<Data = unknown, Message extends SocketMessage = SocketMessage> {
  /** The namespace of the Durable Objects that hold the WebSockets, on Cloudflare. */
  declare readonly native: NativeBinding<'sockets'>
  #transport: SocketTransport
  #binding: string
  #declaration: SocketsDeclaration<unknown, SocketMessage>

  static {
    socketOf = (sockets, state) =>
      new Socket(sockets.#transport, sockets.#declaration, sockets.#binding, state)
  }

  constructor(
    transport: SocketTransport,
    options: { binding: string; declaration: SocketsDeclaration<unknown, SocketMessage> },
  ) {
    this.#transport = transport
    this.#binding = options.binding
    this.#declaration = options.declaration
  }

  /**
   * Returns the answer that makes the request's connection a WebSocket: return it from the fetch handler.
   * Headers that are set on the answer reach the client; its status has no meaning. A request that asks for
   * no WebSocket is answered 426. An answer that is not returned creates no socket.
   *
   * @throws `InvalidArgument` for a request of another path or that is not being answered now, for a second
   * accept, and for a protocol that the client did not offer; `LimitExceeded` for data and topics.
   */
  async accept(
    request: Request,
    ...[given]: undefined extends Data ? [options?: AcceptOptions<Data>] : [options: AcceptOptions<Data>]
  ): Promise<Response> {
    const where = this.#where('accept')
    const options: { data?: unknown; topics?: readonly string[]; protocol?: string } = given ?? {}
    checkOptions(options, ACCEPT_OPTIONS, where)
    const accepted = {
      data: encodeData(options.data, where, 'sockets.data'),
      topics: checkTopics(options.topics, where),
      protocol: checkProtocol(options.protocol, request.headers.get('sec-websocket-protocol'), where),
    }
    if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket')
      return new Response('Upgrade Required: this path takes WebSockets.', {
        status: 426,
        headers: { upgrade: 'websocket' },
      })
    const { pathname } = new URL(request.url)
    if (pathname !== this.#declaration.path)
      throw invalidArgument(
        where,
        `${this.#binding}.accept: the request is for ${pathname}, and the binding declares the path ` +
          `${this.#declaration.path}. Clients of this binding connect there on every target.`,
      )
    return run(where, () => this.#transport.accept(request, accepted))
  }

  /**
   * Sends a message to one WebSocket. Resolves when the message is handed over.
   *
   * @throws `NotFound` for a socket that is gone, `LimitExceeded` for over 32,768 bytes (1 MiB with
   * `largeMessages`), `Unsupported` for bytes without `binary`, `Throttled`.
   */
  async send(id: string, message: Message): Promise<void> {
    const where = this.#where('send')
    checkId(id, where)
    const checked = checkMessage(message, where, this.#declaration)
    await run(where, () => this.#transport.send(id, checked))
  }

  /**
   * Sends a message to every WebSocket that has the topic, including the caller's own. A topic that no socket
   * has is no error.
   */
  async publish(topic: string, message: Message): Promise<void> {
    const where = this.#where('publish')
    checkTopic(topic, where)
    const checked = checkMessage(message, where, this.#declaration)
    await run(where, () => this.#transport.publish(topic, checked))
  }

  /**
   * Begins to close one WebSocket; its `close` handler runs when it is closed.
   *
   * @throws `NotFound` for a socket that is gone, `InvalidArgument` for codes other than 1000 (the default)
   * and 3000 to 4999, `LimitExceeded` for a reason of over 123 bytes.
   */
  async close(id: string, code = 1000, reason = ''): Promise<void> {
    const where = this.#where('close')
    checkId(id, where)
    checkClose(code, reason, where)
    await run(where, () => this.#transport.close(id, code, reason))
  }

  /**
   * Returns the URL to which clients of the app that answers `request` connect: `wss://example.com/chat`, or
   * with `ticket` `wss://example.com/chat?ticket=...`. A ticket is valid for one connection, and by default
   * for 60 seconds.
   *
   * @throws `InvalidArgument` for a ticket where the binding declares no `tickets`.
   */
  async url(request: Request, options: SocketUrlOptions = {}): Promise<string> {
    const where = this.#where('url')
    checkOptions(options, URL_OPTIONS, where)
    const url = new URL(this.#transport.endpoint ?? new URL(this.#declaration.path, request.url))
    if (url.protocol === 'http:') url.protocol = 'ws:'
    if (url.protocol === 'https:') url.protocol = 'wss:'
    const value = encodeData(options.ticket, where, 'sockets.ticket')
    if (value !== undefined) {
      const id = await this.#saveTicket(value, options.ticketSeconds ?? TICKET_SECONDS, where)
      url.searchParams.set(TICKET_PARAMETER, id)
    }
    return url.href
  }

  /** Returns the data of a WebSocket upgrade's ticket; null for a request without a ticket. */
  async ticket(request: Request): Promise<unknown> {
    const text = this.#transport.ticketOf?.(request)
    return text === undefined ? null : (JSON.parse(text) as unknown)
  }

  async #saveTicket(value: string, seconds: number, where: Where): Promise<string> {
    const save = this.#transport.saveTicket?.bind(this.#transport)
    if (this.#declaration.tickets !== true || save === undefined)
      throw invalidArgument(
        where,
        `${this.#binding}.url: the binding declares no tickets. Write sockets({ tickets: true }).`,
      )
    const max = SOCKET_LIMITS['sockets.ticketSeconds']
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > max)
      throw invalidArgument(
        where,
        `${this.#binding}.url: ticketSeconds is a whole number from 1 to ${max}, not ${String(seconds)}.`,
      )
    const id = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(TICKET_BYTES))))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
    await run(where, () => save(id, value, seconds))
    return id
  }

  #where(operation: string): Where {
    return { binding: this.#binding, operation }
  }
}

/**
 * One WebSocket, as a handler receives it: a new object for each event. Handlers of one socket may run in
 * different instances, so store lasting state in `data`, a store, or a topic; never in a closure.
 */
export class Socket<Data = unknown, Message extends SocketMessage = SocketMessage> {
  /**
   * Unique id of the WebSocket, of letters, digits and `-_.`; `env.NAME.send(id, ...)` accepts it while the
   * socket is open.
   */
  readonly id: string
  #transport: SocketTransport
  #declaration: SocketsDeclaration<unknown, SocketMessage>
  #binding: string
  #text: string | undefined
  #data: Data | undefined
  #isRead = false

  /** Creates a WebSocket's object for one event from the socket's state. @internal */
  constructor(
    transport: SocketTransport,
    declaration: SocketsDeclaration<unknown, SocketMessage>,
    binding: string,
    state: SocketState,
  ) {
    this.#transport = transport
    this.#declaration = declaration
    this.#binding = binding
    this.id = state.id
    this.#text = state.data
  }

  /**
   * Data of the WebSocket from `accept` or the last `setData`. A change of the object itself is not kept:
   * call `setData`.
   */
  get data(): Data {
    if (!this.#isRead) {
      this.#data = this.#text === undefined ? undefined : (JSON.parse(this.#text) as Data)
      this.#isRead = true
    }
    return this.#data as Data
  }

  /**
   * Replaces `data` of the WebSocket for this and later events. The last writer wins. @throws as `accept`.
   */
  async setData(data: Data): Promise<void> {
    const where = this.#where('setData')
    const text = encodeData(data, where, 'sockets.data')
    await run(where, () => this.#transport.setData(this.id, text))
    this.#text = text
    this.#isRead = false
  }

  /** Adds a topic by which `publish` reaches the WebSocket. @throws `LimitExceeded` for a 17th topic. */
  async subscribe(topic: string): Promise<void> {
    const where = this.#where('subscribe')
    checkTopic(topic, where)
    await run(where, () => this.#transport.subscribe(this.id, topic))
  }

  /** Removes a topic from the WebSocket; a topic that the socket does not have is no error. */
  async unsubscribe(topic: string): Promise<void> {
    const where = this.#where('unsubscribe')
    checkTopic(topic, where)
    await run(where, () => this.#transport.unsubscribe(this.id, topic))
  }

  /** Sends a message to this WebSocket, as {@link Sockets.send}. */
  async send(message: Message): Promise<void> {
    const where = this.#where('send')
    const checked = checkMessage(message, where, this.#declaration)
    await run(where, () => this.#transport.send(this.id, checked))
  }

  /** Begins to close this WebSocket, as {@link Sockets.close}. */
  async close(code = 1000, reason = ''): Promise<void> {
    const where = this.#where('close')
    checkClose(code, reason, where)
    await run(where, () => this.#transport.close(this.id, code, reason))
  }

  #where(operation: string): Where {
    return { binding: this.#binding, operation }
  }
}

/** Returns the error for an id that no open WebSocket has. For transports. */
export function socketGone(id: string): UnmoorError {
  return new UnmoorError('NotFound', `There is no open socket "${id}".`, { details: { kind: 'socket' } })
}

function checkId(id: unknown, where: Where): asserts id is string {
  if (typeof id !== 'string')
    throw invalidArgument(where, `${where.binding}.${where.operation}: the id of a socket is text.`)
}
