import type { SocketsDeclaration } from '../../../core/bindings/declarations.ts'
import type { Where } from '../../../core/bindings/operation.ts'
import {
  checkClose,
  checkDataText,
  checkMessage,
  checkProtocol,
  checkTopic,
  checkTopics,
} from '../../../core/bindings/socket-checks.ts'
import type { SocketTransport } from '../../../core/bindings/socket-transport.ts'
import { invalidArgument, UnmoorError } from '../../../core/errors.ts'
import { SOCKET_LIMITS } from '../../../core/limits.ts'
import type { Manifest } from '../../../core/manifest.ts'

/** Returns the transport of one of the app's sockets bindings; undefined if there is none. */
export type TransportOf = (binding: string) => SocketTransport | undefined

/** Returns the request of an event that is under way; undefined for every other id. */
export type RequestOf = (event: unknown) => Request | undefined

/** Characters of the longest WebSocket id that is looked up. */
const MAX_ID = 256

/**
 * Runs the calls of an isolate's code about its WebSockets. The portable class has checked them in the guest,
 * where a tenant may have got around it, so each argument is checked again before anything reaches a
 * connection.
 */
export class SocketCalls {
  #manifest: Manifest
  #transportOf: TransportOf
  #requestOf: RequestOf

  constructor(manifest: Manifest, transportOf: TransportOf, requestOf: RequestOf) {
    this.#manifest = manifest
    this.#transportOf = transportOf
    this.#requestOf = requestOf
  }

  /**
   * Runs one call of the isolate's code about its WebSockets. Rejects with the error that the guest's
   * portable class throws for it.
   */
  async call(binding: unknown, operation: unknown, data: readonly unknown[]): Promise<unknown> {
    const where = { binding: String(binding), operation: String(operation) }
    const { declaration, transport } = this.#find(where)
    const [a, b, c, d] = data
    switch (operation) {
      case 'accept':
        return this.#accept({ where, declaration, transport }, [a, b, c, d])
      case 'send':
        return transport.send(idOf(a, where), checkMessage(b, where, declaration))
      case 'publish':
        checkTopic(a, where)
        return transport.publish(a, checkMessage(b, where, declaration))
      case 'close':
        checkClose(b, c, where)
        return transport.close(idOf(a, where), b as number, c as string)
      case 'setData':
        return transport.setData(idOf(a, where), checkDataText(b, where, 'sockets.data'))
      case 'subscribe':
        checkTopic(b, where)
        return transport.subscribe(idOf(a, where), b)
      case 'unsubscribe':
        checkTopic(b, where)
        return transport.unsubscribe(idOf(a, where), b)
      case 'saveTicket':
        return this.#saveTicket({ where, declaration, transport }, [a, b, c])
    }
    throw invalidArgument(where, `There is no ${where.binding}.${where.operation}().`)
  }

  /** Returns the WebSocket ticket of a request that is under way, as JSON text. Throws nothing. */
  ticket(binding: unknown, event: unknown): string | undefined {
    const request = this.#requestOf(event)
    if (typeof binding !== 'string' || request === undefined || !this.#isDeclared(binding)) return undefined
    return this.#transportOf(binding)?.ticketOf?.(request)
  }

  #isDeclared(binding: string): boolean {
    const { bindings } = this.#manifest
    return Object.hasOwn(bindings, binding) && bindings[binding]?.kind === 'sockets'
  }

  #find(where: Where): { declaration: SocketsDeclaration; transport: SocketTransport } {
    const transport = this.#isDeclared(where.binding) ? this.#transportOf(where.binding) : undefined
    if (transport === undefined)
      throw invalidArgument(where, `There is no ${where.binding}.${where.operation}().`)
    return { declaration: this.#manifest.bindings[where.binding] as SocketsDeclaration, transport }
  }

  /**
   * Returns the headers by which the server recognises an app's answer to a WebSocket upgrade. The headers
   * open nothing but this event's own upgrade.
   */
  async #accept({ where, declaration, transport }: Found, [event, data, topics, protocol]: unknown[]) {
    const request = this.#requestOf(event)
    if (request === undefined)
      throw invalidArgument(
        where,
        'accept takes the request that the fetch handler is answering, or a copy of it.',
      )
    if (new URL(request.url).pathname !== declaration.path)
      throw invalidArgument(where, `${where.binding}.accept: the request is for another path.`)
    const answer = await transport.accept(request, {
      data: checkDataText(data, where, 'sockets.data'),
      topics: checkTopics(topics, where),
      protocol: checkProtocol(protocol, request.headers.get('sec-websocket-protocol'), where),
    })
    return [...answer.headers]
  }

  async #saveTicket({ where, declaration, transport }: Found, [id, value, seconds]: unknown[]) {
    const text = checkDataText(value, where, 'sockets.ticket')
    const max = SOCKET_LIMITS['sockets.ticketSeconds']
    const isValid = Number.isInteger(seconds) && (seconds as number) >= 1 && (seconds as number) <= max
    if (declaration.tickets !== true || !isValid || text === undefined || !isTicket(id))
      throw invalidArgument(where, `${where.binding}.url: this is no ticket.`)
    return transport.saveTicket?.(id, text, seconds as number)
  }
}

interface Found {
  where: Where
  declaration: SocketsDeclaration
  transport: SocketTransport
}

function isTicket(id: unknown): id is string {
  return typeof id === 'string' && /^[\w-]{32}$/.test(id)
}

function idOf(id: unknown, where: Where): string {
  if (typeof id !== 'string')
    throw invalidArgument(where, `${where.binding}.${where.operation}: the id of a socket is text.`)
  if (id.length <= MAX_ID) return id
  throw new UnmoorError('NotFound', `There is no open socket of that id: it has ${id.length} characters.`, {
    details: { kind: 'socket' },
  })
}
