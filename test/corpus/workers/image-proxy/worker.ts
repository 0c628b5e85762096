import { defineWorker } from '../../harness/workers/worker.ts'

let asked = 0

export default defineWorker({
  style: 'an image proxy with the Cache API, an old date and keys that wrangler has given up',
  upstream(request) {
    if (new URL(request.url).pathname === '/broken') return new Response('no', { status: 500 })
    if (new URL(request.url).pathname === '/count') return new Response(String(++asked % 100))
    return new Response(new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0, 255]), {
      headers: {
        'content-type': 'image/png',
        etag: '"one"',
        'last-modified': 'Tue, 01 Sep 2026 10:00:00 GMT',
      },
    })
  },
  requests: [
    { name: 'miss', path: '/a.png' },
    { name: 'hit', path: '/a.png' },
    { name: 'hit in part', path: '/a.png', headers: { range: 'bytes=1-3' }, status: 206 },
    { name: 'hit that is not modified', path: '/a.png', headers: { 'if-none-match': '"one"' }, status: 304 },
    { name: 'HEAD', path: '/a.png', method: 'HEAD' },
    { name: 'purge', path: '/a.png', method: 'PURGE', contains: 'true' },
    { name: 'purge again', path: '/a.png', method: 'PURGE', contains: 'false' },
    { name: 'miss again', path: '/a.png' },
    { name: 'broken', path: '/broken', status: 502 },
    { name: 'another method', path: '/a.png', method: 'POST', status: 405 },
  ],
})
