import type { OutboundBody } from './hop.ts'
import type { Resolve } from './lookup.ts'
import type { OutboundPolicy } from './rules.ts'

/** A request of an app to the network. */
export interface OutboundRequest {
  method: string
  url: string
  headers: readonly (readonly [string, string])[]
  redirect: 'follow' | 'manual' | 'error'
  body: string | OutboundBody
  /**
   * Bytes of the request's streamed body, if known. Default: the length that the app's own content-length
   * declares.
   */
  length?: number | undefined
  signal?: AbortSignal | undefined
}

/** Options of {@link OutboundClient}, which sends an app's requests to the network. */
export interface OutboundOptions {
  policy: OutboundPolicy
  /**
   * Called before each request of the app to the network, also before one that follows a redirect. `fetch`
   * throws what this function throws. Default: no function.
   */
  onRequest?: (() => void) | undefined
  /** Function that looks up the addresses of a host name. Default: the system's resolver. */
  resolve?: Resolve | undefined
  /** Milliseconds in which a connection to a server must be established, TLS included. Default: 10,000. */
  connectTimeout?: number | undefined
  /** Milliseconds for which a connection to a server may be silent before it is ended. Default: 300,000. */
  idleTimeout?: number | undefined
}
