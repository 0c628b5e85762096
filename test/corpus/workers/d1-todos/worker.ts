import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'a to-do API of Hono, zod and D1, wrangler.jsonc',
  requests: [
    { name: 'setup', path: '/setup', method: 'POST', status: 204 },
    { name: 'none', path: '/todos', contains: '"todos":[]' },
    { name: 'add', path: '/todos', body: { title: 'first', tags: ['a', 'ü'] }, status: 201 },
    { name: 'add another', path: '/todos', body: { title: "it's" }, status: 201 },
    { name: 'not valid', path: '/todos', body: { title: '' }, status: 422 },
    { name: 'no JSON', path: '/todos', body: 'x', status: 422 },
    { name: 'list', path: '/todos?pretty', contains: 'ü' },
    { name: 'one', path: '/todos/1', contains: 'first' },
    { name: 'not there', path: '/todos/99', status: 404 },
    { name: 'batch', path: '/todos/done', method: 'PATCH', body: [1, 2], contains: '"done":2' },
    { name: 'raw', path: '/raw', contains: 'first' },
    {
      name: 'preflight',
      path: '/todos/1',
      method: 'OPTIONS',
      status: 204,
      headers: { origin: 'https://app.example', 'access-control-request-method': 'PATCH' },
    },
    { name: 'broken', path: '/broken', status: 500, contains: 'D1_ERROR' },
  ],
})
