/**
 * Returns the path under which an asset is stored so that it is served under its exact name (Pages, Workers
 * Sites). Targets serve `about.html` as `/about`, but a page stored as `about.html.htm` under its own path.
 */
export function exactPath(path: string): string {
  return path.endsWith('.html') ? `${path}.htm` : path
}

/** Returns the URL path under which targets serve an asset exactly, given the asset's own path. */
export function exactUrl(path: string): string {
  return exactPath(path).split('/').map(encodeURIComponent).join('/')
}
