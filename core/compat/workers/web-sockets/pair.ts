import { End } from './end.ts'
import { createWebSocket, type WebSocket } from './web-socket.ts'

/** Cloudflare's WebSocketPair: two WebSockets that are connected to each other. */
export class WebSocketPair {
  readonly 0: WebSocket
  readonly 1: WebSocket

  constructor() {
    const [one, other] = End.pair()
    this[0] = createWebSocket(one)
    this[1] = createWebSocket(other)
  }

  *[Symbol.iterator](): Generator<WebSocket> {
    yield this[0]
    yield this[1]
  }

  get [Symbol.toStringTag](): string {
    return 'WebSocketPair'
  }
}

/** A WebSocket message that is answered without waking the Durable Object, and the answer. */
export class WebSocketRequestResponsePair {
  readonly #request: string
  readonly #response: string

  constructor(...args: [request: string, response: string]) {
    for (const index of [0, 1])
      if (args.length <= index)
        throw new TypeError(
          `Failed to construct 'WebSocketRequestResponsePair': constructor parameter ${index + 1} is not ` +
            "of type 'string'.",
        )
    this.#request = String(args[0])
    this.#response = String(args[1])
  }

  static isPair(value: unknown): value is WebSocketRequestResponsePair {
    return typeof value === 'object' && value !== null && #request in value
  }

  get request(): string {
    return this.#request
  }

  get response(): string {
    return this.#response
  }

  get [Symbol.toStringTag](): string {
    return 'WebSocketRequestResponsePair'
  }
}
