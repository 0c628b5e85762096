import type { AcceptedSocket } from '../../../../core/bindings/socket-transport.ts'
import { UnmoorError } from '../../../../core/errors.ts'

/** The header by which the answer of `accept` is known; it never leaves the process. */
export const ACCEPTED_HEADER = 'unmoor-socket'

/** A `$connect`, until it is answered. */
export class Upgrade {
  readonly id: string
  /** What its ticket carried, as JSON text. */
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

  /** The socket to make if this is the answer of `accept`; undefined for any other answer. */
  take(response: Response): AcceptedSocket | undefined {
    this.#isAnswered = true
    return response.headers.get(ACCEPTED_HEADER) === this.id ? this.#accepted : undefined
  }
}

/** The error for a request that is no `$connect` which is being answered. */
export function notAnswered(): never {
  throw new UnmoorError(
    'InvalidArgument',
    "accept takes the request that the fetch handler is answering: a client's connection to the WebSocket " +
      'API, whose URL is `await env.NAME.url(request)`. No Function URL and no HTTP API takes WebSockets.',
  )
}
