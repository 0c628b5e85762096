/**
 * True if a page of `origin` may open a WebSocket to the app at `url`: a page of the app's own host, or of an
 * origin in `origins`. The rule is the same on every target.
 */
export function isAllowedOrigin(origin: string, { host }: URL, origins: readonly string[]): boolean {
  if (!URL.canParse(origin)) return false
  const url = new URL(origin)
  // Only the host of the page's origin is compared: behind a proxy that is not configured, the request's
  // scheme is http.
  return (url.host !== '' && url.host === host) || origins.includes(url.origin)
}
