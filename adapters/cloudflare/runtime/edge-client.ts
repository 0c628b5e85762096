import {
  beforePeer,
  type ClientInfo,
  clientInfo,
  createTrust,
  type TrustProxy,
} from '../../../core/client.ts'
import { usableId } from '../../../core/request-id.ts'

/** Reads the client's address and id of a request that reached Cloudflare's edge through trusted proxies. */
export interface EdgeClient {
  /**
   * Returns the client of a request: Cloudflare's edge reports the nearest proxy, and a trusted proxy reports
   * the hop before it.
   */
  clientOf(headers: Headers): ClientInfo
  /** Returns the id of a request that a trusted proxy set; undefined if there is none or it is not usable. */
  requestIdOf(headers: Headers | undefined): string | undefined
}

/** Creates an {@link EdgeClient}. A Worker contains it only if its config trusts a proxy. */
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
