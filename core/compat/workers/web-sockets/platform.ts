/** Interface between a Worker's WebSockets and the target that they run on. */
import type { End, Serialized } from './end.ts'

/** An outgoing WebSocket handshake. */
export interface Handshake {
  /** URL of the handshake, with scheme http or https. */
  readonly url: string
  readonly headers: Headers
  readonly protocols: readonly string[]
  readonly signal?: AbortSignal | undefined
}

/** A WebSocket connection after its handshake. */
export interface HandshakeDone {
  readonly end: End
  readonly headers: Headers
  /** The negotiated WebSocket subprotocol; empty for none. */
  readonly protocol: string
}

/** Result of a WebSocket handshake: a connection, or an ordinary HTTP response. */
export type HandshakeAnswer = HandshakeDone | { readonly response: Response }

/** WebSocket functions that a target provides for Workers. */
export interface Platform {
  /** Sends a WebSocket handshake. Rejects if no response came. */
  connect(handshake: Handshake): Promise<HandshakeAnswer>
  /** Runs a WebSocket callback in an event-loop turn of its own, in the order of the calls. */
  soon(callback: () => void): void
  /** Serializes a WebSocket attachment. @throws if the value cannot be cloned. */
  serialize(value: unknown): Serialized
  deserialize(attachment: Serialized): unknown
}

let current: Platform | undefined

export function setPlatform(platform: Platform): void {
  current = platform
}

/** Returns the target's WebSocket functions. @throws before {@link setPlatform} was called. */
export function platform(): Platform {
  if (current === undefined) throw new Error('This target has no WebSockets.')
  return current
}
