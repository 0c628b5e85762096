import type { AcceptedSocket } from '../../../../core/bindings/socket-transport.ts'
import { UnmoorError } from '../../../../core/errors.ts'

/** Header that marks the app's response from a sockets binding's `accept`; it never leaves the process. */
export const ACCEPTED_HEADER = 'unmoor-socket'

/** A WebSocket's `$connect` that is not answered yet. */
export class Upgrade {
  readonly id: string
  /** Data of the WebSocket client's ticket, as JSON text. */
  ticket: string | undefined
  #accepted: AcceptedSocket | undefined
  #isAnswered = false

  constructor(id: string) {
    this.id = id
  }

  accept(accepted: AcceptedSocket): Response {
    if (this.#isAnswered || this.#accepted !== undefined)
      throw new UnmoorError(
        'InvalidArgument',
        'The request was accepted or answered already. Call accept once, and return what it gives.',
      )
    this.#accepted = accepted
    return new Response(null, { headers: { [ACCEPTED_HEADER]: this.id } })
  }

  /**
   * Returns the socket to create if `response` is the answer of `accept` to a WebSocket client; undefined for
   * any other answer.
   */
  take(response: Response): AcceptedSocket | undefined {
    this.#isAnswered = true
    return response.headers.get(ACCEPTED_HEADER) === this.id ? this.#accepted : undefined
  }
}

/** Throws the error of `accept` for a request that is not a WebSocket's `$connect` under way. */
export function notAnswered(): never {
  throw new UnmoorError(
    'InvalidArgument',
    "accept takes the request that the fetch handler is answering: a client's connection to the WebSocket " +
      'API, whose URL is `await env.NAME.url(request)`. No Function URL and no HTTP API takes WebSockets.',
  )
}
