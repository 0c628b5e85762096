import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'a small API of itty-router, minified, with keys of older wranglers',
  requests: [
    { name: 'list', path: '/api/notes?limit=1', contains: 'first' },
    { name: 'one', path: '/api/notes/1', contains: 'first' },
    { name: 'one as text', path: '/api/notes/1.txt', contains: 'first' },
    { name: 'one as HTML', path: '/api/notes/1.html', contains: '<p>first' },
    { name: 'add', path: '/api/notes', body: { text: 'second ü' }, status: 204 },
    { name: 'add nothing', path: '/api/notes', body: {}, status: 400 },
    { name: 'list of two', path: '/api/notes', contains: 'second ü' },
    { name: 'rest of a path', path: '/api/files/a/b/c.txt', contains: 'a/b/c.txt' },
    { name: 'names', path: '/api/class', contains: 'Named' },
    {
      name: 'preflight',
      path: '/api/notes',
      method: 'OPTIONS',
      headers: { origin: 'https://a.test', 'access-control-request-method': 'POST' },
      status: 204,
    },
    { name: 'not found', path: '/api/x', status: 404 },
  ],
})
