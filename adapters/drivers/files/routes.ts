/** The static file that answers a URL path, or the path to redirect to. */
export type Route = { file: string } | { redirect: string }

/**
 * Finds the static file for a URL path by Cloudflare's `html_handling: auto-trailing-slash`: pages are
 * requested without `.html` and `index`, folders with a slash, and every other form is redirected. `has` is
 * true for paths of files, such as `/docs/index.html`. Returns undefined if nothing matches.
 * (https://developers.cloudflare.com/workers/static-assets/routing/advanced/html-handling/)
 */
export function route(pathname: string, has: (path: string) => boolean): Route | undefined {
  const path = decode(pathname)
  const found = match(path, has)
  if (found === undefined) return undefined
  const target = 'redirect' in found ? found.redirect : path
  const canonical = encode(target)
  return canonical === pathname ? found : { redirect: canonical }
}

function match(path: string, has: (path: string) => boolean): Route | undefined {
  return pageRedirect(path, has) ?? direct(path, has)
}

function direct(path: string, has: (path: string) => boolean): Route | undefined {
  if (path.endsWith('/')) {
    if (has(`${path}index.html`)) return { file: `${path}index.html` }
    return redirectTo(path.slice(0, -1), `${path.slice(0, -1)}.html`, has)
  }
  if (has(path)) return { file: path }
  if (has(`${path}.html`)) return { file: `${path}.html` }
  return redirectTo(`${path}/`, `${path}/index.html`, has)
}

/** Redirects a URL path that names a page by its file, such as `/docs/index.html`. */
function pageRedirect(path: string, has: (path: string) => boolean): Route | undefined {
  if (path.endsWith('/index')) {
    if (has(path)) return undefined
    return (
      redirectTo(path.slice(0, -'index'.length), `${path}.html`, has) ??
      redirectTo(path.slice(0, -'/index'.length), `${path.slice(0, -'/index'.length)}.html`, has)
    )
  }
  if (path.endsWith('/index.html')) {
    const folder = path.slice(0, -'/index.html'.length)
    return redirectTo(`${folder}/`, path, has) ?? redirectTo(folder, `${folder}.html`, has)
  }
  if (path.endsWith('.html')) {
    const page = path.slice(0, -'.html'.length)
    return redirectTo(page, path, has) ?? redirectTo(`${page}/`, `${page}/index.html`, has)
  }
  return undefined
}

/**
 * Redirects a page request to `target` if `file` exists and is the static file that `target` would serve. Any
 * other redirect would lead to the wrong page, or around in a circle.
 */
function redirectTo(target: string, file: string, has: (path: string) => boolean): Route | undefined {
  if (target === '' || !has(file)) return undefined
  const there = has(target) ? target : target.endsWith('/') ? `${target}index.html` : `${target}.html`
  return there === file ? { redirect: target } : undefined
}

/**
 * Decodes a URL path to the form that names of static files have. Double slashes become one, because a
 * redirect to a path that begins with two would lead to another host.
 */
function decode(pathname: string): string {
  return pathname
    .split('/')
    .map((segment) => {
      try {
        return decodeURIComponent(segment)
      } catch {
        return segment
      }
    })
    .join('/')
    .replace(/\/+/g, '/')
}

/** Returns the one encoding of a URL path under which its static file is served. */
function encode(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}
