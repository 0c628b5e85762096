/** What the WebSockets of a Worker need of the target that they run on. */
import type { End } from './end.ts'

/** A handshake to send. */
export interface Handshake {
  /** Its scheme is http or https. */
  readonly url: string
  readonly headers: Headers
  readonly protocols: readonly string[]
  readonly signal?: AbortSignal | undefined
}

/** A connection that was made. */
export interface HandshakeDone {
  readonly end: End
  readonly headers: Headers
  /** The subprotocol that was agreed on; empty for none. */
  readonly protocol: string
}

/** What a server answered: a connection, or a response that is none. */
export type HandshakeAnswer = HandshakeDone | { readonly response: Response }

/** The target's own part. */
export interface Platform {
  /** Rejects where no answer came. */
  connect(handshake: Handshake): Promise<HandshakeAnswer>
  /** Runs the callback in a turn of its own, in the order of the calls. */
  soon(callback: () => void): void
  /** @throws where the value cannot be cloned. */
  serialize(value: unknown): Uint8Array
  deserialize(bytes: Uint8Array): unknown
}

let current: Platform | undefined

export function setPlatform(platform: Platform): void {
  current = platform
}

/** @throws before {@link setPlatform}. */
export function platform(): Platform {
  if (current === undefined) throw new Error('This target has no WebSockets.')
  return current
}
