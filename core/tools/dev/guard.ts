/** Decides which requests the page of `unmoor dev` answers. */
import type { IncomingHttpHeaders } from 'node:http'
import { isSameText } from '../../runtime/same-text.ts'

/** Why the page's server refuses a request. */
export interface Refusal {
  readonly status: 401 | 403
  readonly message: string
}

/** The parts of a request that decide whether the page's server answers it. */
export interface Asked {
  readonly method: string
  readonly headers: IncomingHttpHeaders
}

/** Names by which a browser on this machine reaches a server on loopback. */
const LOOPBACK = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i

/**
 * Returns why a request must not reach the page's server, whatever it asks for; undefined if it may.
 *
 * A page of another site cannot choose the `Host` of a request, so a name that leads to loopback by DNS
 * rebinding is refused by it. `Origin` and `Sec-Fetch-Site` tell which site sent the request; the app itself
 * is another site, since it may show what its users wrote. Ports are not compared with the server's own,
 * because a forwarded port (`ssh -L`) differs.
 */
export function refuseSender({ method, headers }: Asked): Refusal | undefined {
  const { host = '', origin } = headers
  if (!LOOPBACK.test(host))
    return forbidden(
      'The page of unmoor dev answers to 127.0.0.1, localhost and [::1], not to the host ' +
        `${JSON.stringify(host)}. Open the URL that unmoor dev printed.`,
    )
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`)
    return forbidden(
      `The page of unmoor dev answers no request from another origin (${JSON.stringify(origin)}). ` +
        'Open the URL that unmoor dev printed.',
    )
  const site = headers['sec-fetch-site']
  // A link may lead here from anywhere: the document alone has neither data nor token.
  const isVisit =
    (method === 'GET' || method === 'HEAD') &&
    headers['sec-fetch-mode'] === 'navigate' &&
    headers['sec-fetch-dest'] === 'document'
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isVisit)
    return forbidden(
      `The page of unmoor dev answers no request that another site sent (Sec-Fetch-Site: ${String(site)}). ` +
        'Open the URL that unmoor dev printed.',
    )
  return undefined
}

/** Returns why a request has no access to the app's data; undefined if it carries the token. */
export async function refuseToken({ headers }: Asked, token: string): Promise<Refusal | undefined> {
  const given = headers.authorization ?? ''
  if (await isSameText(given, `Bearer ${token}`)) return undefined
  return {
    status: 401,
    message:
      given === ''
        ? 'This page needs its token. Open the URL that unmoor dev printed, with what follows #.'
        : 'The token is not that of this unmoor dev, which makes a new one at each start. Open the URL ' +
          'that it printed.',
  }
}

function forbidden(message: string): Refusal {
  return { status: 403, message }
}
