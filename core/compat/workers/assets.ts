import type { Assets } from '../../bindings/assets.ts'
import { AssetRouter } from './asset-router.ts'
import type { Fetcher } from './service.ts'
import { connect } from './sockets.ts'
import type { WorkerAssets, WorkerSpec } from './spec.ts'
import { portable } from './state.ts'

/** The `ASSETS` fetcher. */
export function createAssetsFetcher(served: WorkerAssets): Fetcher {
  const { binding, missing, routing } = served
  if (routing !== undefined) {
    const router = new AssetRouter(served, routing)
    return { connect, fetch: (input, init) => router.fetch(new Request(input, init)) }
  }
  const assets = (): Assets => portable<Assets>(binding)
  return {
    connect,
    async fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
      const request = new Request(input, init)
      const isRead = request.method === 'GET' || request.method === 'HEAD'
      // Only a path that is served by something takes no other methods.
      const response = await assets().fetch(isRead ? request : new Request(request.url, { method: 'HEAD' }))
      if (isRead ? response.status !== 404 : response.status === 404 && missing === 'none') {
        if (isRead) return response
        return new Response(null, { status: 404 })
      }
      await response.body?.cancel()
      if (!isRead) return new Response(null, { status: 405 })
      // As Cloudflare's own has it: without a body.
      return (await notFoundAnswer(assets(), missing, request)) ?? new Response(null, { status: 404 })
    },
  }
}

/** What answers in place of a file that is not there; undefined where nothing does. */
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

/**
 * The answer of the assets to a browser's navigation to what is no file, where Cloudflare does not ask the
 * Worker; undefined where it does.
 */
export async function answerNavigation(
  { assets }: WorkerSpec,
  request: Request,
): Promise<Response | undefined> {
  if (assets?.routing !== undefined) {
    router ??= new AssetRouter(assets, assets.routing)
    return router.before(request, assets.navigations && request.headers.get('sec-fetch-mode') === 'navigate')
  }
  if (assets?.navigations !== true || request.headers.get('sec-fetch-mode') !== 'navigate') return undefined
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
  return notFoundAnswer(portable<Assets>(assets.binding), assets.missing, request)
}
