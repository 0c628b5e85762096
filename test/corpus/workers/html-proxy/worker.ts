import { defineWorker } from '../../harness/workers/worker.ts'

const PAGE =
  '<!doctype html><html><head><title>Old</title><script>alert(1)</script></head><body><!-- c --><a href="http://old.example/a?b=1&amp;c">x</a>' +
  '<p class="secret">s</p><img src="http://i/a.png"><p>Grüße &amp; ' +
  'x'.repeat(20_000) +
  '</p></body></html>'

export default defineWorker({
  style: 'a proxy that rewrites pages on their way',
  upstream(request) {
    const { pathname } = new URL(request.url)
    if (pathname === '/page')
      return new Response(PAGE, {
        headers: { 'content-type': 'text/html; charset=utf-8', 'x-powered-by': 'old' },
      })
    if (pathname === '/missing')
      return new Response('<title>No</title>', { status: 404, headers: { 'content-type': 'text/html' } })
    if (pathname === '/moved') return new Response(null, { status: 302, headers: { location: '/page' } })
    if (pathname === '/echo')
      return request
        .text()
        .then((text) => Response.json({ text, path: request.headers.get('x-forwarded-path') }))
    return new Response('plain', { headers: { 'content-type': 'text/plain' } })
  },
  requests: [
    { name: 'page', path: '/page', contains: 'https://new.example/a' },
    { name: 'page that is not there', path: '/missing', status: 404, contains: '(proxied)' },
    { name: 'redirect', path: '/moved', status: 302 },
    { name: 'text', path: '/robots.txt', contains: 'plain' },
    { name: 'POST', path: '/echo', body: 'kept ü', contains: 'kept ü' },
    { name: 'HEAD', path: '/page', method: 'HEAD' },
  ],
})
