import type { Assets } from '../../bindings/assets.ts'
import { findPage, type Page } from './asset-pages.ts'
import { createHeaderRules, createPathMatcher, createRedirects } from './asset-rules.ts'
import type { AssetRouting, WorkerAssets } from './spec.ts'
import { portable } from './state.ts'

/** Cloudflare's configuration files among the assets, which are never served. */
const RULES: ReadonlySet<string> = new Set(['/_headers', '/_redirects', '/_routes.json', '/_worker.js'])

/**
 * Serves a Worker's static assets as Cloudflare's asset worker does, over an assets binding that knows
 * canonical paths.
 */
export class AssetRouter {
  #assets: () => Assets
  #missing: WorkerAssets['missing']
  #routing: AssetRouting
  #pages: ReadonlySet<string>
  #redirect: ReturnType<typeof createRedirects>
  #setHeaders: ReturnType<typeof createHeaderRules>
  #isIncluded: (pathname: string) => boolean
  #isExcluded: (pathname: string) => boolean

  constructor({ binding, missing }: WorkerAssets, routing: AssetRouting) {
    this.#assets = () => portable<Assets>(binding)
    this.#missing = missing
    this.#routing = routing
    this.#pages = new Set(routing.pages)
    this.#redirect = createRedirects(routing.redirects)
    this.#setHeaders = createHeaderRules(routing.headers)
    this.#isIncluded = createPathMatcher(routing.workerFirst?.include ?? [])
    this.#isExcluded = createPathMatcher(routing.workerFirst?.exclude ?? [])
  }

  /**
   * Returns the assets' response for a request that they answer before the Worker; undefined if the Worker
   * answers. If `navigates`, the assets also answer for paths that are no file.
   */
  async before(request: Request, navigates: boolean): Promise<Response | undefined> {
    const { always, workerFirst } = this.#routing
    if (always) return undefined
    const { pathname } = new URL(request.url)
    if (workerFirst !== undefined) {
      if (this.#isExcluded(pathname)) return this.fetch(request)
      if (this.#isIncluded(pathname)) return undefined
    }
    return this.#answer(request, workerFirst !== undefined || navigates)
  }

  /** Returns the response of a Worker's static assets, without asking the Worker's code. */
  async fetch(request: Request): Promise<Response> {
    const answer = await this.#answer(request, true)
    return answer ?? this.#withHeaders(new URL(request.url), new Response(null, { status: 404 }))
  }

  async #answer(request: Request, keepsMissing: boolean): Promise<Response | undefined> {
    const url = new URL(request.url)
    const redirect = this.#redirect(url)
    if (redirect !== undefined && redirect.status !== 200)
      return this.#withHeaders(url, redirectTo(redirect.to, redirect.status, url))
    const path = redirect === undefined ? url.pathname : new URL(redirect.to, url).pathname
    const found = await this.#find(path)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    // A path that a rule of `_redirects` rewrites belongs to the assets, even if the target does not exist.
    const isOwn = redirect !== undefined
    if (found === undefined && !isOwn && (!keepsMissing || this.#missing === 'none')) return undefined
    if (!isRead) return this.#withHeaders(url, new Response(null, { status: 405 }))
    if (found === undefined) {
      const missing = await this.#notFound(request, path)
      return missing ?? (isOwn ? this.#withHeaders(url, new Response(null, { status: 404 })) : undefined)
    }
    if ('redirect' in found)
      return this.#withHeaders(url, redirectTo(`${found.redirect}${url.search}`, 307, url))
    return this.#withHeaders(url, await this.#serve(request, found.file))
  }

  #find(path: string): Promise<Page | undefined> {
    if (RULES.has(path)) return Promise.resolve(undefined)
    return findPage(path, this.#routing.html, {
      hasPage: (file) => this.#pages.has(file),
      hasFile: async (file) => {
        // The assets binding also serves about.html as /about, so a path that stands for a page is no file.
        if (this.#pages.has(`${file}.html`) || this.#pages.has(`${file.replace(/\/$/, '')}/index.html`))
          return false
        const head = await this.#assets().fetch(
          new Request(new URL(file, 'http://assets'), { method: 'HEAD' }),
        )
        return head.status === 200
      },
    })
  }

  /** Returns the response for an asset's file. The assets binding serves a page under its canonical path. */
  async #serve(request: Request, file: string): Promise<Response> {
    const path = file.replace(/\/index\.html$/, '/').replace(/\.html$/, '')
    const { method, headers } = request
    return this.#assets().fetch(new Request(new URL(path, request.url), { method, headers }))
  }

  async #notFound(request: Request, path: string): Promise<Response | undefined> {
    if (this.#missing === 'none') return undefined
    const url = new URL(request.url)
    if (this.#missing === 'single-page-application')
      return this.#pages.has('/index.html')
        ? this.#withHeaders(url, await this.#serve(request, '/index.html'))
        : undefined
    const segments = path.split('/')
    while (segments.length > 1) {
      segments.pop()
      const page = `${segments.join('/')}/404.html`
      if (!this.#pages.has(page)) continue
      const { body, headers } = await this.#serve(request, page)
      return this.#withHeaders(url, new Response(body, { status: 404, headers }))
    }
    return undefined
  }

  #withHeaders(url: URL, response: Response): Response {
    if (this.#routing.headers.length === 0) return response
    const headers = new Headers(response.headers)
    this.#setHeaders(url, headers)
    return new Response(response.body, { status: response.status, headers })
  }
}

/**
 * Redirects a request for an asset to `target`, with the query of the request unless the target has its own.
 */
function redirectTo(target: string, status: number, from: URL): Response {
  const to = new URL(target, from)
  if (to.search === '') to.search = from.search
  const location = to.origin === from.origin ? `${to.pathname}${to.search}${to.hash}` : to.href
  return new Response(null, { status, headers: { location } })
}
