import type { Assets } from '../../bindings/assets.ts'
import { createHeaderRules, createRedirects } from './asset-rules.ts'
import { exactUrl } from './exact-path.ts'
import type { PagesRouting } from './spec.ts'
import { portable } from './state.ts'

/**
 * Result of resolving a path of a Pages site: the response for a file, or a redirect to its canonical path.
 */
type Found = { readonly file: Response } | { readonly redirect: string }

/** Serves assets as the asset server of Cloudflare Pages does. */
export class PagesAssets {
  #binding: string
  #pages: ReadonlySet<string>
  #plain: ReadonlySet<string>
  #redirect: ReturnType<typeof createRedirects>
  #setHeaders: ReturnType<typeof createHeaderRules>

  constructor(binding: string, { pages, plain, redirects, headers }: PagesRouting) {
    this.#binding = binding
    this.#pages = new Set(pages)
    this.#plain = new Set(plain)
    this.#redirect = createRedirects(redirects)
    this.#setHeaders = createHeaderRules(headers)
  }

  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const answer = await this.#answer(request, url)
    if (answer.status >= 500) return answer
    const headers = new Headers(answer.headers)
    headers.set('access-control-allow-origin', '*')
    headers.set('referrer-policy', 'strict-origin-when-cross-origin')
    if (headers.has('content-type')) headers.set('x-content-type-options', 'nosniff')
    this.#setHeaders(url, headers)
    if (answer.status === 404) headers.set('cache-control', 'no-store')
    return new Response(answer.body, { status: answer.status, headers })
  }

  async #answer(request: Request, url: URL): Promise<Response> {
    const redirect = this.#redirect(url)
    if (redirect !== undefined && redirect.status !== 200) return redirectTo(redirect, url)
    if (request.method !== 'GET' && request.method !== 'HEAD') return new Response(null, { status: 405 })
    const path = decode(redirect === undefined ? url.pathname : new URL(redirect.to, url).pathname)
    const found = await this.#find(request, path)
    if (found === undefined) return this.#notFound(request, path)
    if ('file' in found) return found.file
    const location = found.redirect.split('/').map(encodeURIComponent).join('/')
    // Leading slashes of a Pages redirect's location are reduced to one, as two would name another host.
    return new Response(null, {
      status: 308,
      headers: { location: location.replace(/^(?:\/|%2F|%5C|%09|\s|\\)+/i, '/') + url.search },
    })
  }

  /**
   * Finds the asset for a path as Cloudflare Pages does:
   * https://developers.cloudflare.com/pages/configuration/serving-pages/#route-matching
   */
  async #find(request: Request, path: string): Promise<Found | undefined> {
    if (path.endsWith('/')) return this.#findFolder(request, path)
    const file = await this.#open(request, path)
    if (file !== undefined) {
      const stem = path.replace(/\.html$/, '')
      if (stem === path) return { file }
      const isKept = stem === '/' || (!stem.endsWith('/index') && (await this.#has(stem)))
      if (isKept) return { file }
      await file.body?.cancel()
      return { redirect: stem.endsWith('/index') ? stem.slice(0, -'index'.length) : stem }
    }
    if (path.endsWith('/index')) return { redirect: path.slice(0, -'index'.length) }
    const page = await this.#open(request, `${path}.html`)
    if (page !== undefined) return { file: page }
    return (await this.#has(`${path}/index.html`)) ? { redirect: `${path}/` } : undefined
  }

  async #findFolder(request: Request, path: string): Promise<Found | undefined> {
    const file = await this.#open(request, `${path}index.html`)
    if (file !== undefined) return { file }
    if (path.endsWith('/index/')) return { redirect: path.slice(0, -'index/'.length) }
    return (await this.#has(`${path.slice(0, -1)}.html`)) ? { redirect: path.slice(0, -1) } : undefined
  }

  async #has(path: string): Promise<boolean> {
    const name = normalize(path)
    const known = this.#known(name)
    if (known !== undefined) return known
    const answer = await this.#open(new Request('http://assets', { method: 'HEAD' }), name)
    return answer !== undefined
  }

  /**
   * True if a Pages asset is known to exist, false if not. Undefined for a file with an extension other than
   * .html, as such files are not listed.
   */
  #known(name: string): boolean | undefined {
    if (name.endsWith('.html')) return this.#pages.has(name)
    return /\.[^/]*$/.test(name) ? undefined : this.#plain.has(name)
  }

  /** Returns the response for a file of the Pages assets; undefined if it does not exist. */
  async #open(request: Request, path: string): Promise<Response | undefined> {
    const name = normalize(path)
    if (this.#known(name) === false) return undefined
    const { method, headers } = request
    const answer = await portable<Assets>(this.#binding).fetch(
      new Request(new URL(exactUrl(name), 'http://assets'), { method, headers, redirect: 'manual' }),
    )
    if (answer.status === 404 || answer.status === 307) {
      await answer.body?.cancel()
      return undefined
    }
    if (!headers.has('authorization') && !headers.has('range')) return answer
    const kept = new Headers(answer.headers)
    kept.delete('cache-control')
    return new Response(answer.body, { status: answer.status, headers: kept })
  }

  /** Returns the Pages site's nearest 404.html, or else the page of a single-page application. */
  async #notFound(request: Request, path: string): Promise<Response> {
    for (let folder = path; folder !== '';) {
      folder = folder.slice(0, folder.lastIndexOf('/'))
      if (!(await this.#has(`${folder}/404.html`))) continue
      const plain = new Request(request.url, { method: request.method })
      const page = await this.#open(plain, `${folder}/404.html`)
      if (page === undefined) continue
      const type = page.headers.get('content-type')
      return new Response(page.body, { status: 404, headers: type === null ? {} : { 'content-type': type } })
    }
    return (await this.#open(request, '/index.html')) ?? new Response(null, { status: 404 })
  }
}

/**
 * Redirects a request for a Pages asset to `to`, with the query of the request unless the target has its own.
 */
function redirectTo({ to, status }: { to: string; status: number }, from: URL): Response {
  const target = new URL(to, from)
  const search = target.search === '' ? from.search : target.search
  const path = target.origin === from.origin ? target.pathname : `${target.origin}${target.pathname}`
  const location = `${path}${search}${target.hash}`
  return new Response(status === 308 ? null : `Redirecting to ${location}`, { status, headers: { location } })
}

/** Decodes a URL path to an asset's file name; a path that cannot be decoded is used as it is. */
function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/**
 * Normalizes an asset's file path: doubled slashes become one, and encoded `..` segments cannot leave the
 * assets folder.
 */
function normalize(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}
