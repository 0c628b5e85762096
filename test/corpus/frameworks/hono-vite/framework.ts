import { defineFramework } from '../../harness/frameworks/framework.ts'

export default defineFramework({
  packages: ['hono', 'vite', '@cloudflare/vite-plugin'],
  build: [['vite', 'build']],
  requests: [
    { name: 'page', path: '/', contains: '<h1>Guests</h1>' },
    { name: 'page again', path: '/', headers: { cookie: 'visits=4' }, contains: 'Visit 5' },
    { name: 'asset', path: '/style.css', contains: 'sans-serif' },
    {
      name: 'asset not modified',
      path: '/style.css',
      headers: (answers) => ({ 'if-none-match': answers['asset']?.headers['etag'] ?? '' }),
      status: 304,
    },
    { name: 'HEAD of an asset', path: '/robots.txt', method: 'HEAD' },
    { name: 'no guest', path: '/guests', body: new URLSearchParams({ name: '' }), status: 400 },
    { name: 'form', path: '/guests', body: new URLSearchParams({ name: 'Ada' }), status: 303 },
    { name: 'form in parts', path: '/guests', body: form({ name: 'Grace' }), status: 303 },
    { name: 'API', path: '/api/guests', contains: 'guest:Grace' },
    { name: 'API with JSON', path: '/api/echo', body: { a: [1, 'ü', null] }, contains: 'ü' },
    { name: 'stream', path: '/stream', contains: 'one two three' },
    { name: 'asset through the binding', path: '/through', contains: 'User-agent' },
    { name: 'redirect of _redirects', path: '/old-guests', status: 301 },
    { name: 'denied', path: '/denied', status: 401, contains: 'no entry' },
    { name: 'error', path: '/broken', status: 500, contains: 'failed: as meant' },
    { name: 'mode', path: '/mode', contains: 'production' },
    { name: 'not found', path: '/nowhere', status: 404 },
  ],
})

function form(fields: Record<string, string>): FormData {
  const data = new FormData()
  for (const [name, value] of Object.entries(fields)) data.set(name, value)
  return data
}
