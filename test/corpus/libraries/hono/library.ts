import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['hono'],
  requests: [
    { name: 'text', path: '/', contains: 'Hello Hono!' },
    { name: 'parameters', path: '/api/posts/4%202?page=3', headers: { origin: 'https://example.com' } },
    {
      name: 'preflight',
      method: 'OPTIONS',
      path: '/api/posts/1',
      headers: { origin: 'https://example.com', 'access-control-request-method': 'PUT' },
      status: 204,
    },
    { name: 'unauthorized', path: '/admin/page', status: 401 },
    {
      name: 'authorized',
      path: '/admin/page',
      headers: { authorization: `Basic ${btoa('hono:acoolproject')}` },
    },
    { name: 'etag', path: '/etag/abc' },
    {
      name: 'not modified',
      path: '/etag/abc',
      headers: ({ etag }) => ({ 'if-none-match': etag?.headers['etag'] ?? '' }),
      status: 304,
    },
    { name: 'secure headers', path: '/secure' },
    { name: 'cookies', path: '/visits', headers: { cookie: 'visits=41; other=1' }, contains: '42' },
    { name: 'http exception', path: '/throws', status: 403 },
    { name: 'error', path: '/breaks', status: 500, contains: 'TypeError: It broke' },
    { name: 'not found', path: '/nowhere', status: 404 },
  ],
})
