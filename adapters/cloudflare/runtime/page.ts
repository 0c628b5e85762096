import type { Runtime } from '../../../core/runtime.ts'

/** For `notFound: 'single-page-application'`: the index page in place of a 404 to a GET. */
export async function servePage(pending: Response | Promise<Response>, runtime: Runtime, request: Request): Promise<Response> {
  const response = await pending
  if (response.status !== 404 || (request.method !== 'GET' && request.method !== 'HEAD')) return response
  const page = await runtime.assets?.serve(new Request(new URL('/', request.url), request))
  if (page === undefined) return response
  await response.body?.cancel()
  return page
}
