import type { AcceptedSocket } from '../../../../core/bindings/socket-transport.ts'
import { UnmoorError } from '../../../../core/errors.ts'

/**
 * Header that identifies the response of a sockets binding's `accept`; the header never leaves the Worker.
 */
export const ACCEPTED_HEADER = 'unmoor-socket'

/** A WebSocket that the app has accepted, and the shard of the Durable Object that will hold it. */
export interface Accepted {
  readonly binding: string
  readonly id: string
  readonly shard: number
  readonly socket: AcceptedSocket
}

/** A WebSocket upgrade request, until it is answered. */
export class Upgrade {
  /** Data of the ticket that the upgrade request presented, as JSON text. */
  ticket: string | undefined
  #accepted: Accepted | undefined
  #isAnswered = false

  accept(accepted: Accepted): Response {
    if (this.#isAnswered || this.#accepted !== undefined)
      throw new UnmoorError(
        'InvalidArgument',
        'The request was accepted or answered already. Call accept once, and return what it gives.',
      )
    this.#accepted = accepted
    return new Response(null, { headers: { [ACCEPTED_HEADER]: accepted.id } })
  }

  /** Returns the accepted WebSocket if `response` is the one that `accept` returned, or a copy of it. */
  take(response: Response): Accepted | undefined {
    this.#isAnswered = true
    return response.headers.get(ACCEPTED_HEADER) === this.#accepted?.id ? this.#accepted : undefined
  }
}

/** WebSocket upgrades that the Worker is answering, found by their request. */
export class Upgrades {
  #byRequest = new WeakMap<Request, Upgrade>()
  /**
   * WebSocket upgrades by the client's Sec-WebSocket-Key, which is random: it identifies copies of a request.
   */
  #byKey = new Map<string | null, Set<Upgrade>>()

  of(request: Request): Upgrade | undefined {
    return this.#byRequest.get(request) ?? this.#only(keyOf(request))
  }

  async during<T>(request: Request, upgrade: Upgrade, work: () => T | Promise<T>): Promise<T> {
    const key = keyOf(request)
    const others = this.#byKey.get(key) ?? new Set()
    this.#byRequest.set(request, upgrade)
    this.#byKey.set(key, others.add(upgrade))
    try {
      return await work()
    } finally {
      others.delete(upgrade)
      if (others.size === 0) this.#byKey.delete(key)
    }
  }

  /**
   * Returns the WebSocket upgrade with this Sec-WebSocket-Key, unless the key is missing or shared by
   * several: no client may receive another's socket.
   */
  #only(key: string | null): Upgrade | undefined {
    const upgrades = key === null ? undefined : this.#byKey.get(key)
    return upgrades?.size === 1 ? upgrades.values().next().value : undefined
  }
}

/**
 * Throws the error of a sockets binding's `accept` for a request that is not a WebSocket upgrade in progress.
 */
export function notAnswered(): never {
  throw new UnmoorError(
    'InvalidArgument',
    'accept takes the request that the fetch handler is answering, or a copy of it: a GET of HTTP/1.1 ' +
      'without a body that asks for a WebSocket.',
  )
}

function keyOf({ headers }: Request): string | null {
  return headers.get('sec-websocket-key')
}
