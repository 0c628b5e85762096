export default {
  async fetch(request, env) {
    const url = new URL(request.url)
    if (url.pathname.startsWith('/api/')) {
      return Response.json({ name: 'Cloudflare', path: url.pathname, method: request.method })
    }
    if (url.pathname === '/me') {
      const page = await env.ASSETS.fetch(new Request(new URL('/', request.url), request))
      return new Response((await page.text()).replace('App', 'Me'), page)
    }
    return new Response(null, { status: 404 })
  },
} satisfies ExportedHandler<{ ASSETS: Fetcher }>
