addEventListener('fetch', (event) => {
  event.respondWith(
    handleRequest(event).catch((error) => new Response(error.stack.split('\n')[0], { status: 500 })),
  )
})

addEventListener('scheduled', (event) => {
  event.waitUntil(PAGES.delete('visits'))
})

async function handleRequest(event) {
  const { request } = event
  const { pathname, searchParams } = new URL(request.url)
  if (pathname === '/') {
    const visits = Number(await PAGES.get('visits')) + 1
    await PAGES.put('visits', String(visits))
    event.waitUntil(PAGES.put('last', new Date(0).toJSON()))
    return new Response(`${GREETING} worker! visit ${visits}`, { headers: { 'content-type': 'text/plain' } })
  }
  if (pathname === '/secret') return new Response(API_TOKEN.length)
  if (pathname === '/headers') {
    const headers = new Headers(request.headers)
    headers.set('x-added', 'yes')
    return Response.json([
      headers.get('x-added'),
      headers.get('x-mine'),
      typeof self.PAGES,
      self === globalThis,
    ])
  }
  if (pathname === '/form') return Response.json(Object.fromEntries(await request.formData()))
  if (pathname === '/redirect')
    return Response.redirect(new URL(searchParams.get('to') ?? '/', request.url).href, 301)
  if (pathname === '/throw') throw new Error('as meant')
  return new Response('Not found', { status: 404, statusText: 'Nope' })
}
