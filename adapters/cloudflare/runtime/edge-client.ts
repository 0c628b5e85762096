import {
  beforePeer,
  type ClientInfo,
  clientInfo,
  createTrust,
  type TrustProxy,
} from '../../../core/client.ts'
import { usableId } from '../../../core/request-id.ts'

/** What the edge's headers say of a request that came through proxies before it. */
export interface EdgeClient {
  /** The client, by what the edge says of the nearest proxy and what that one says. */
  clientOf(headers: Headers): ClientInfo
  /** The id that the proxy gave; undefined where it gave none that can be used, or is not trusted. */
  requestIdOf(headers: Headers | undefined): string | undefined
}

/** In a Worker only where its config trusts a proxy. */
export function createEdgeClient(trusted: TrustProxy): EdgeClient {
  const trust = createTrust(trusted)
  const nearestOf = (headers: Headers): string => headers.get('cf-connecting-ip') ?? ''
  return {
    clientOf(headers) {
      if (trust === undefined) return clientInfo(nearestOf(headers))
      const { list, peer } = beforePeer(headers.get('x-forwarded-for'), nearestOf(headers))
      return clientInfo(trust.clientOf(peer, list))
    },
    requestIdOf: (headers) =>
      headers !== undefined && trust?.trusts(nearestOf(headers)) === true
        ? usableId(headers.get('x-request-id'))
        : undefined,
  }
}
