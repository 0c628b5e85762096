const HOST = /^(?:[\w\-.~!$&'()*+,;=%]+|\[[\da-fA-F:.]+\])(?::\d*)?$/

/** `http://example.com` for a Host header, normalised as URLs are; undefined where it is no host. */
export function hostOrigin(scheme: 'http' | 'https', host: string): string | undefined {
  if (!HOST.test(host)) return undefined
  const url = URL.parse(`${scheme}://${host}/`)
  return url !== null && url.pathname === '/' && url.username === '' ? url.origin : undefined
}
