import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { GatewayClock } from './clock.ts'
import { FrameLimit } from './frame-limit.ts'
import type { ConnectionFacts } from './gateway-events.ts'

/**
 * Maximum bytes of one WebSocket frame: AWS's page "Quotas for configuring and running a WebSocket API" of
 * the developer guide.
 */
export const FRAME_LIMIT = 32 * 1024
/** Maximum bytes of one WebSocket message, from AWS's table of WebSocket API quotas. */
export const MESSAGE_LIMIT = 128 * 1024
/**
 * Milliseconds without a message after which a WebSocket connection ends, from AWS's table of WebSocket API
 * quotas: ten minutes.
 */
export const IDLE_LIMIT = 10 * 60_000
/**
 * Milliseconds after which any WebSocket connection ends, from AWS's table of WebSocket API quotas: two
 * hours.
 */
export const LIFE_LIMIT = 2 * 3600_000
/** Milliseconds that a WebSocket client may take to answer a close frame. */
const CLOSE_TIMEOUT = 5000

/** The end of a WebSocket connection, as API Gateway's `$disconnect` event reports it. */
export interface ConnectionEnd {
  readonly code: number
  readonly reason: string
}

/**
 * API Gateway's own text for a WebSocket close without a code (aws-lambda-go, events/testdata;
 * boto/boto3#3789).
 */
const NO_CODE = 'Client-side close frame status not set'

/** One open WebSocket connection of a client to the local API Gateway. */
export class Connection {
  readonly facts: ConnectionFacts
  /** Time of the last WebSocket message in either direction, in milliseconds since 1970. */
  lastActiveAt: number
  /** Resolves when the WebSocket connection has ended and `$disconnect` is being sent. */
  readonly closed: Promise<void>
  #closed: () => void
  #socket: WebSocket
  #clock: GatewayClock
  #ended: ConnectionEnd | undefined
  #cancelIdle: () => void = () => {}
  #cancelLife: () => void

  constructor(socket: WebSocket, stream: Duplex, facts: ConnectionFacts, clock: GatewayClock) {
    this.facts = facts
    ;({ promise: this.closed, resolve: this.#closed } = Promise.withResolvers<void>())
    this.#socket = socket
    this.#clock = clock
    this.lastActiveAt = clock.now()
    this.#cancelLife = clock.after(LIFE_LIMIT, () => this.end(1001, 'Going away'))
    this.#active()
    const frames = new FrameLimit(FRAME_LIMIT)
    // The listener that checks frame sizes runs before the package `ws` reads the same bytes, so that no part
    // of a refused WebSocket message gets through.
    stream.prependListener('data', (bytes: Buffer) => {
      if (frames.exceeds(bytes)) this.end(1009, 'Frame is too large')
    })
    // WebSocket protocol violations are ignored here, because `ws` itself closes the connection with the
    // right code.
    socket.on('error', () => {})
  }

  /** True until the WebSocket connection begins to close. */
  get isOpen(): boolean {
    return this.#ended === undefined && this.#socket.readyState === this.#socket.OPEN
  }

  /** Registers the callback for text messages of the WebSocket. */
  onMessage(receive: (text: string) => void): void {
    this.#socket.on('message', (data, isBinary) => {
      if (!this.isOpen) return
      if (isBinary) return this.end(1003, 'Binary is not supported')
      this.#active()
      receive((data as Buffer).toString())
    })
  }

  /** Registers the callback for the end of the WebSocket connection, called once. */
  onEnd(ended: (end: ConnectionEnd) => void): void {
    this.#socket.on('close', (code, reason) => {
      this.#cancelIdle()
      this.#cancelLife()
      const text = code === 1005 ? NO_CODE : reason.toString()
      ended(this.#ended ?? { code, reason: text })
      this.#closed()
    })
  }

  send(text: string): void {
    this.#active()
    this.#socket.send(text)
  }

  /** Begins to close the WebSocket connection. */
  end(code: number, reason: string): void {
    if (this.#ended !== undefined) return
    this.#ended = { code, reason }
    this.#socket.close(code, reason)
    setTimeout(() => this.#socket.terminate(), CLOSE_TIMEOUT).unref()
  }

  #active(): void {
    this.lastActiveAt = this.#clock.now()
    this.#cancelIdle()
    this.#cancelIdle = this.#clock.after(IDLE_LIMIT, () => this.end(1001, 'Going away'))
  }
}
