import {
  beforePeer,
  type ClientInfo,
  clientInfo,
  createTrust,
  type TrustProxy,
} from '../../../core/client.ts'

/** The client before trusted proxies, by what the edge says of the nearest one and what that one says. */
export type EdgeClient = (nearest: string, forwardedFor: string | null) => ClientInfo

/** In a Worker only where its config trusts a proxy. */
export function createEdgeClient(trusted: TrustProxy): EdgeClient {
  const trust = createTrust(trusted)
  return (nearest, forwardedFor) => {
    if (trust === undefined) return clientInfo(nearest)
    const { list, peer } = beforePeer(forwardedFor, nearest)
    return clientInfo(trust.clientOf(peer, list))
  }
}
