import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Trust } from '../../../../core/client.ts'
import { hostOrigin } from '../../../../core/runtime/host-header.ts'

/**
 * Matches request targets that `new URL` would not change. Dot segments, also percent-encoded, are left to
 * `new URL`.
 */
const PLAIN_TARGET = /^\/[\w\-.~!$&'()*+,;=:@%/]*(?:\?[\w\-.~!$&()*+,;=:@%/?]*)?$/
const DOT_SEGMENT = /\/(?:\.|%2e)/i
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i

/** Cache of {@link toOrigin} per scheme. A client can name any host, so a full cache is emptied. */
const origins = { http: new Map<string, string | undefined>(), https: new Map<string, string | undefined>() }
const MAX_ORIGINS = 1000

/**
 * Returns the origin of a Host header, such as `http://example.com`, normalised as URLs are; undefined for an
 * invalid host.
 */
function toOrigin(scheme: 'http' | 'https', host: string): string | undefined {
  const known = origins[scheme].get(host)
  if (known !== undefined || origins[scheme].has(host)) return known
  const origin = hostOrigin(scheme, host)
  if (origins[scheme].size >= MAX_ORIGINS) origins[scheme].clear()
  origins[scheme].set(host, origin)
  return origin
}

/**
 * Returns scheme and authority of a request: the scheme from the socket, the authority from Host. Undefined
 * if Host is missing, malformed or repeated, if an absolute-form target names another authority than Host
 * (RFC 9112, section 3.2.2), or if the target is no path. `X-Forwarded-Proto` and `X-Forwarded-Host` count
 * only from a trusted proxy; their last value counts, which the nearest proxy wrote.
 */
export function requestOrigin(incoming: IncomingMessage, trust: Trust | undefined): string | undefined {
  let scheme: 'http' | 'https' = (incoming.socket as Partial<TLSSocket>).encrypted === true ? 'https' : 'http'
  let host = incoming.headers.host
  const target = incoming.url as string
  if (host === undefined) return undefined
  if (target.charCodeAt(0) !== 0x2f) {
    const authority = ABSOLUTE.exec(target)?.[1]
    // `a:80` and `a` are the same authority for http, so their origins are compared.
    if (authority === undefined) return undefined
    if (
      authority.toLowerCase() !== host.toLowerCase() &&
      toOrigin(scheme, authority) !== toOrigin(scheme, host)
    )
      return undefined
  }
  if (trust?.trusts(incoming.socket.remoteAddress) === true) {
    const proto = lastValue(incoming.headers['x-forwarded-proto'])?.toLowerCase()
    if (proto !== undefined && proto !== 'http' && proto !== 'https') return undefined
    scheme = proto ?? scheme
    host = lastValue(incoming.headers['x-forwarded-host']) ?? host
  }
  return toOrigin(scheme, host)
}

function lastValue(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header.join(',') : header
  return text === undefined ? undefined : text.slice(text.lastIndexOf(',') + 1).trim()
}

/**
 * Resolves a request target below `origin`, normalised as `new URL` does. A fragment, which no client should
 * send (RFC 9112, section 3.2), is dropped, as workerd does.
 */
export function resolveUrl(origin: string, target: string): string {
  if (PLAIN_TARGET.test(target) && !DOT_SEGMENT.test(target)) return origin + target
  const path = target.charCodeAt(0) === 0x2f ? target : target.replace(ABSOLUTE, '')
  const url = new URL(origin + (path.startsWith('/') ? path : `/${path}`))
  url.hash = ''
  return url.href
}
