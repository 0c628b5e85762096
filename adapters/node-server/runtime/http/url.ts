import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Trust } from '../../../../core/client.ts'
import { hostOrigin } from '../../../../core/runtime/host-header.ts'

/** What `new URL` keeps as it is. Dot segments, and their percent-encoded form, are left to it. */
const PLAIN_TARGET = /^\/[\w\-.~!$&'()*+,;=:@%/]*(?:\?[\w\-.~!$&()*+,;=:@%/?]*)?$/
const DOT_SEGMENT = /\/(?:\.|%2e)/i
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i

/** Answers of {@link toOrigin} per scheme; a client can name any host, so they are emptied when full. */
const origins = { http: new Map<string, string | undefined>(), https: new Map<string, string | undefined>() }
const MAX_ORIGINS = 1000

/** `http://example.com` for a Host header, normalised as URLs are; undefined where it is no host. */
function toOrigin(scheme: 'http' | 'https', host: string): string | undefined {
  const known = origins[scheme].get(host)
  if (known !== undefined || origins[scheme].has(host)) return known
  const origin = hostOrigin(scheme, host)
  if (origins[scheme].size >= MAX_ORIGINS) origins[scheme].clear()
  origins[scheme].set(host, origin)
  return origin
}

/**
 * Scheme and authority of a request: the scheme from the socket, the authority from Host. Undefined where
 * Host is missing, malformed or repeated, where an absolute-form target names another authority than Host
 * (RFC 9112, section 3.2.2), and for targets that are no path. `X-Forwarded-Proto` and `X-Forwarded-Host`
 * count only from a proxy that is trusted; of several values the last, which the nearest proxy wrote.
 */
export function requestOrigin(incoming: IncomingMessage, trust: Trust | undefined): string | undefined {
  let scheme: 'http' | 'https' = (incoming.socket as Partial<TLSSocket>).encrypted === true ? 'https' : 'http'
  let host = incoming.headers.host
  const target = incoming.url as string
  if (host === undefined) return undefined
  if (target.charCodeAt(0) !== 0x2f) {
    const authority = ABSOLUTE.exec(target)?.[1]
    // `a:80` and `a` are one authority of http.
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

/** The URL of a target below `origin`, as `new URL` would write it. */
export function resolveUrl(origin: string, target: string): string {
  if (PLAIN_TARGET.test(target) && !DOT_SEGMENT.test(target)) return origin + target
  const path = target.charCodeAt(0) === 0x2f ? target : target.replace(ABSOLUTE, '')
  return new URL(origin + (path.startsWith('/') ? path : `/${path}`)).href
}
