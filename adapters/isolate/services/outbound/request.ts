import type { OutboundBody } from './hop.ts'
import type { Resolve } from './lookup.ts'
import type { OutboundPolicy } from './rules.ts'

/** A request of an app's to the network. */
export interface OutboundRequest {
  method: string
  url: string
  headers: readonly (readonly [string, string])[]
  redirect: 'follow' | 'manual' | 'error'
  body: string | OutboundBody
  /** Bytes of a stream, where that is known. Default: what the app's own content-length says. */
  length?: number | undefined
  signal?: AbortSignal | undefined
}

/** Options of {@link OutboundClient}. */
export interface OutboundOptions {
  policy: OutboundPolicy
  /**
   * Called before each request, those that follow a redirect too; what it throws, `fetch` throws. Default:
   * nothing.
   */
  onRequest?: (() => void) | undefined
  /** Default: the system's resolver. */
  resolve?: Resolve | undefined
  /** Milliseconds until there is a connection, TLS included. Default: 10,000. */
  connectTimeout?: number | undefined
  /** Milliseconds in which a connection may be silent. Default: 300,000. */
  idleTimeout?: number | undefined
}
