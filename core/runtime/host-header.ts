const HOST = /^(?:[\w\-.~!$&'()*+,;=%]+|\[[\da-fA-F:.]+\])(?::\d*)?$/

/**
 * Returns the origin for an HTTP Host header, such as `http://example.com`, normalised as URLs are; undefined
 * if it is not a valid host.
 */
export function hostOrigin(scheme: 'http' | 'https', host: string): string | undefined {
  if (!HOST.test(host)) return undefined
  const url = URL.parse(`${scheme}://${host}/`)
  return url !== null && url.pathname === '/' && url.username === '' ? url.origin : undefined
}
