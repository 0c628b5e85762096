import {
  beforePeer,
  type ClientInfo,
  clientInfo,
  createTrust,
  type TrustProxy,
} from '../../../core/client.ts'
import { usableId } from '../../../core/request-id.ts'

/** What is known of a request that came through trusted proxies before the edge. */
export interface EdgeClient {
  /** The client, by what the edge says of the nearest proxy and what that one says. */
  clientOf(nearest: string, forwardedFor: string | null): ClientInfo
  /** The id that the proxy gave; undefined where it gave none that can be used, or is not trusted. */
  requestIdOf(nearest: string, given: string | null): string | undefined
}

/** In a Worker only where its config trusts a proxy. */
export function createEdgeClient(trusted: TrustProxy): EdgeClient {
  const trust = createTrust(trusted)
  return {
    clientOf(nearest, forwardedFor) {
      if (trust === undefined) return clientInfo(nearest)
      const { list, peer } = beforePeer(forwardedFor, nearest)
      return clientInfo(trust.clientOf(peer, list))
    },
    requestIdOf: (nearest, given) => (trust?.trusts(nearest) === true ? usableId(given) : undefined),
  }
}
