import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'Hono with JSX, middleware and a rate limit',
  requests: [
    { name: 'page', path: '/', contains: '&lt;b&gt;' },
    ...[1, 2, 3].map((n) => ({ name: `call ${n}`, path: '/api/ping', headers: { 'x-user': 'a' } })),
    { name: 'call 4', path: '/api/ping', headers: { 'x-user': 'a' }, status: 429 },
    { name: 'call of another', path: '/api/ping', headers: { 'x-user': 'b' } },
    { name: 'no password', path: '/admin/', status: 401 },
    {
      name: 'password',
      path: '/admin/',
      headers: { authorization: `Basic ${btoa('ada:pw')}` },
      contains: '&lt;admin&gt;',
    },
    { name: 'id', path: '/id', contains: 'fixed' },
    { name: 'pattern', path: '/files/a/b.png', contains: 'a/b.png' },
    { name: 'upload', path: '/upload', body: form(), contains: '"a":["1","2"]' },
    { name: 'not found', path: '/x', status: 404 },
  ],
})

function form(): FormData {
  const data = new FormData()
  data.append('a', '1')
  data.append('a', '2')
  data.append('file', new File(['12345'], 'f.bin'))
  return data
}
