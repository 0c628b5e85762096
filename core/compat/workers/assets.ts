import type { Assets } from '../../bindings/assets.ts'
import { AssetRouter } from './asset-router.ts'
import { PagesAssets } from './pages-assets.ts'
import { createRoutes } from './pages-routes.ts'
import type { Fetcher } from './service.ts'
import { connect } from './sockets.ts'
import type { WorkerAssets, WorkerSpec } from './spec.ts'
import { portable } from './state.ts'

/** Creates a Worker's `ASSETS` binding, which fetches static assets. */
export function createAssetsFetcher(served: WorkerAssets): Fetcher {
  const answer = createAnswer(served)
  return {
    connect,
    async fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
      let request = new Request(input, init)
      for (let hops = 0; ; hops++) {
        const response = await answer(request)
        const location = response.headers.get('location')
        if (request.redirect !== 'follow' || location === null || !REDIRECTS.has(response.status))
          return response
        if (hops === MAX_REDIRECTS) throw new TypeError('Too many redirects.')
        await response.body?.cancel()
        // A redirect of the `ASSETS` binding is followed within the assets, whatever its host, as with any
        // service binding.
        const url = new URL(location, request.url)
        const { headers } = request
        const keepsMethod = response.status >= 307 || request.method === 'HEAD'
        request = new Request(url, { headers, method: keepsMethod ? request.method : 'GET' })
      }
    },
  }
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
/** Largest number of redirects that `env.ASSETS.fetch()` follows, as in workerd. */
const MAX_REDIRECTS = 20

/** Returns a function that answers one request from a Worker's assets, without following redirects. */
function createAnswer(served: WorkerAssets): (request: Request) => Promise<Response> {
  const { binding, missing, routing, pages } = served
  if (pages !== undefined) {
    const pagesAssets = new PagesAssets(binding, pages)
    return (request) => pagesAssets.fetch(request)
  }
  if (routing !== undefined) {
    const own = new AssetRouter(served, routing)
    return (request) => own.fetch(request)
  }
  const assets = (): Assets => portable<Assets>(binding)
  return async (request) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    // A request for an asset other than GET or HEAD gets 405 only if the asset exists, which a HEAD finds
    // out.
    const response = await assets().fetch(isRead ? request : new Request(request.url, { method: 'HEAD' }))
    if (isRead ? response.status !== 404 : response.status === 404 && missing === 'none') {
      if (isRead) return response
      return new Response(null, { status: 404 })
    }
    await response.body?.cancel()
    if (!isRead) return new Response(null, { status: 405 })
    // The 404 response for a missing asset has no body, as on Cloudflare.
    return (await notFoundAnswer(assets(), missing, request)) ?? new Response(null, { status: 404 })
  }
}

/**
 * Returns the response for a missing asset: a 404 page or the single-page application; undefined if neither
 * is configured.
 */
async function notFoundAnswer(
  assets: Assets,
  missing: WorkerAssets['missing'],
  request: Request,
): Promise<Response | undefined> {
  const page = async (path: string): Promise<Response | undefined> => {
    const { method, headers } = request
    const found = await assets.fetch(new Request(new URL(path, request.url), { method, headers }))
    if (found.status < 400 && found.status !== 307) return found
    await found.body?.cancel()
    return undefined
  }
  if (missing === 'none') return undefined
  if (missing === 'single-page-application') return page('/')
  const segments = new URL(request.url).pathname.split('/')
  while (segments.length > 1) {
    segments.pop()
    const found = await page(`${segments.join('/')}/404`)
    if (found !== undefined) return new Response(found.body, { status: 404, headers: found.headers })
  }
  return undefined
}

let router: AssetRouter | undefined
let isRouted: ReturnType<typeof createRoutes> | undefined
let pagesAnswer: ((request: Request) => Promise<Response>) | undefined

/**
 * Returns the assets' response for requests that Cloudflare answers without the Worker: a browser's
 * navigation to a path that is no file, and paths that `_routes.json` leaves to the assets of a Pages
 * project. Undefined if the Worker answers.
 */
export async function answerNavigation(
  { assets, routes }: WorkerSpec,
  request: Request,
): Promise<Response | undefined> {
  if (assets?.pages !== undefined) {
    if (routes === undefined) return undefined
    isRouted ??= createRoutes(routes)
    if (isRouted(new URL(request.url).pathname)) return undefined
    pagesAnswer ??= createAnswer(assets)
    return pagesAnswer(request)
  }
  if (assets?.routing !== undefined) {
    router ??= new AssetRouter(assets, assets.routing)
    return router.before(request, assets.navigations && request.headers.get('sec-fetch-mode') === 'navigate')
  }
  if (assets?.navigations !== true || request.headers.get('sec-fetch-mode') !== 'navigate') return undefined
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
  return notFoundAnswer(portable<Assets>(assets.binding), assets.missing, request)
}
