const CACHE_CONTROL = 'public, max-age=600'

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url)
    if (request.method === 'PURGE') {
      return Response.json({ purged: await caches.default.delete(new Request(url.href)) })
    }
    if (!['GET', 'HEAD'].includes(request.method)) return new Response('Only GET', { status: 405 })
    const cache = caches.default
    const key = new Request(url.href, { headers: request.headers })
    let response = await cache.match(key)
    if (response) {
      response = new Response(response.body, response)
      response.headers.set('x-cache', 'HIT')
      response.headers.delete('age')
      return response
    }
    const source = await fetch(`${env.UPSTREAM_URL}${url.pathname}`, {
      cf: { cacheEverything: true, cacheTtl: 60, image: { width: 100 } },
    })
    if (!source.ok) return new Response(`upstream said ${source.status}`, { status: 502 })
    response = new Response(source.body, { headers: source.headers })
    response.headers.set('Cache-Control', CACHE_CONTROL)
    response.headers.append('Vary', 'Accept')
    ctx.waitUntil(cache.put(key, response.clone()))
    response.headers.set('x-cache', 'MISS')
    return response
  },
}
