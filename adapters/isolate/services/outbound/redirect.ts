import type { Hop } from './hop.ts'

export const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
/**
 * Request headers that describe a body (`BODY_HEADERS`), and headers that another origin must not get
 * (`CREDENTIALS`): Fetch standard, HTTP-redirect fetch.
 */
const BODY_HEADERS = ['content-encoding', 'content-language', 'content-location', 'content-type']
const CREDENTIALS = ['authorization', 'cookie', 'proxy-authorization']

/**
 * Returns the outbound request that follows a redirect. @throws TypeError if the redirect cannot be followed.
 */
export function nextHop({ url, method, headers, body }: Hop, status: number, location: string): Hop {
  const next = URL.parse(location, url.href)
  if (next === null) throw new TypeError('fetch failed: the redirect leads to no URL')
  if (next.protocol !== 'http:' && next.protocol !== 'https:')
    throw new TypeError(`fetch failed: the redirect leads to a ${next.protocol} URL`)
  if (next.username !== '' || next.password !== '')
    throw new TypeError('fetch failed: the redirect leads to a URL with credentials')
  if (next.hash === '') next.hash = url.hash
  const onward = new Headers(headers)
  if (next.origin !== url.origin) for (const name of CREDENTIALS) onward.delete(name)
  const becomesGet =
    status === 303
      ? method !== 'GET' && method !== 'HEAD'
      : (status === 301 || status === 302) && method === 'POST'
  if (becomesGet) {
    for (const name of BODY_HEADERS) onward.delete(name)
    return { url: next, method: 'GET', headers: onward, body: null, length: undefined }
  }
  if (body instanceof ReadableStream)
    throw new TypeError(
      'fetch failed: a request with a streamed body cannot be sent again to where the redirect leads',
    )
  return { url: next, method, headers: onward, body, length: undefined }
}
