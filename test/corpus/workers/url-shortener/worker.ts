import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'a link shortener over KV with crons, wrangler.toml, plain JavaScript',
  requests: [
    { name: 'create', path: '/api/links', body: { slug: 'one', url: 'https://example.com/a' }, status: 201 },
    {
      name: 'create another',
      path: '/api/links',
      body: { slug: 'two', url: 'https://example.com/?b=ü', tags: ['x'] },
      status: 201,
    },
    { name: 'taken', path: '/api/links', body: { slug: 'two', url: 'https://example.com/c' }, status: 409 },
    { name: 'bad JSON', path: '/api/links', body: '{"url":', status: 400 },
    { name: 'bad URL', path: '/api/links', body: { url: 'nope' }, status: 422 },
    { name: 'list', path: '/api/links', contains: 'link:two' },
    { name: 'redirect', path: '/two', status: 302 },
    { name: 'no such link', path: '/three', status: 404 },
    { name: 'delete', path: '/api/links/two', method: 'DELETE', contains: '"deleted": "two"' },
    { name: 'delete again', path: '/api/links/two', method: 'DELETE', status: 404 },
    { name: 'another method', path: '/api/links', method: 'PATCH', status: 404 },
  ],
})
