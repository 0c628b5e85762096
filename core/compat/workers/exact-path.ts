/**
 * The path under which a file is kept where a Worker finds its files by their own names (Pages, Workers
 * Sites). The targets serve `about.html` as `/about`; a page that is kept as `about.html.htm` they serve as
 * what it is.
 */
export function exactPath(path: string): string {
  return path.endsWith('.html') ? `${path}.htm` : path
}

/** The URL path under which the targets serve a file exactly, from the file's own name. */
export function exactUrl(path: string): string {
  return exactPath(path).split('/').map(encodeURIComponent).join('/')
}
